with

candidates as (
    select * from {{ ref('int_candidates') }}
),

exclusions as (
    select * from {{ ref('int_candidate_exclusions') }}
),

subjects as (
    select * from {{ ref('int_subjects') }}
),

contacts as (
    select * from {{ ref('int_subject_contacts') }}
),

-- R12: only rows that nothing else excludes compete. A row competes by its
-- phone. Rows without a phone compete with each other, by their e-mail.
competing as (
    select
        candidates.portal,
        candidates.job_uuid,
        candidates.activity_uuid,
        candidates.subject_uuid,
        candidates.starting_at,
        subjects.is_buyer,
        contacts.phone_number is null as has_no_phone,
        coalesce(contacts.phone_number, contacts.email) as address
    from candidates
    inner join exclusions using (portal, job_uuid, subject_uuid, activity_uuid)
    inner join subjects using (portal, job_uuid, subject_uuid)
    inner join contacts using (portal, job_uuid, subject_uuid)
    where exclusions.exclusion_reason is null
)

select * from competing

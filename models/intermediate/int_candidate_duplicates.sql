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
),

-- R12: dedup_by says which rows compete, always within one audience.
ranked as (
    select
        *,
        row_number() over same_address as address_rank,
        first_value(job_uuid) over same_address as kept_job_uuid,
        first_value(activity_uuid) over same_address as kept_activity_uuid,
        first_value(subject_uuid) over same_address as kept_subject_uuid
    from competing
    window same_address as (
        partition by
            portal,
            {%- if var('dedup_by') == 'activity_subject' %}
            activity_uuid,
            subject_uuid
            {%- else %}
            {{ "job_uuid," if var('dedup_by') == 'phone_job' }}
            is_buyer,
            has_no_phone,
            address
            {%- endif %}
        order by starting_at nulls last, activity_uuid, subject_uuid, job_uuid
    )
),

duplicates as (
    select
        portal,
        job_uuid,
        activity_uuid,
        subject_uuid,
        kept_job_uuid,
        kept_activity_uuid,
        kept_subject_uuid
    from ranked
    where address_rank > 1
)

select * from duplicates

with

members as (
    select * from {{ ref('audience_members') }}
),

duplicates as (
    select * from {{ ref('int_candidate_duplicates') }}
),

-- R13: who is not texted, and why. R12: for a duplicate, which row is kept.
excluded as (
    select
        members.portal,
        members.job_uuid,
        members.activity_uuid,
        members.subject_uuid,
        members.audience,
        members.buyer,
        members.exclusion_reason as reason,
        duplicates.kept_job_uuid,
        duplicates.kept_activity_uuid,
        duplicates.kept_subject_uuid
    from members
    left join duplicates
        using (portal, job_uuid, activity_uuid, subject_uuid)
    where not members.is_exported
)

select * from excluded

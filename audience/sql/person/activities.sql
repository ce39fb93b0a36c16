-- The activities of the people, and which of them make candidates (R1). One
-- row per portal, job, subject and activity.
with

known as (
    select * from {{ build }}.intermediate.int_subject_activities
    semi join people using (portal, job_uuid, subject_uuid)
),

candidates as (
    select * from {{ build }}.intermediate.int_candidates
    semi join people using (portal, job_uuid, subject_uuid)
    where activity_uuid != ''
),

job_activities as (
    select * from {{ build }}.intermediate.int_job_activities
),

-- A subject does not name the activity that it has by its job.
together as (
    select
        portal,
        job_uuid,
        subject_uuid,
        activity_uuid,
        known.is_direct,
        candidates.resolution_strategy
    from known
    full outer join candidates
        using (portal, job_uuid, subject_uuid, activity_uuid)
)

select
    together.*,
    job_activities.activity_name,
    job_activities.starting_at,
    job_activities.activity_uuid is not null as is_on_sale
from together
left join job_activities using (portal, job_uuid, activity_uuid)
order by
    together.portal,
    together.job_uuid,
    together.subject_uuid,
    together.activity_uuid

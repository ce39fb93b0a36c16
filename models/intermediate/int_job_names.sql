with

activities as (
    select * from {{ ref('stg_portal__activities') }}
),

jobs as (
    select * from {{ ref('stg_portal__jobs') }}
),

activity_job_names as (
    select
        portal,
        job_uuid,
        min_by(job_name, position) filter (
            where job_name is not null
        ) as job_name
    from activities
    where job_uuid is not null
    group by portal, job_uuid
),

-- R7: the job details' name, else the one on the job's activities.
named as (
    select
        activity_job_names.portal,
        activity_job_names.job_uuid,
        coalesce(jobs.job_name, activity_job_names.job_name) as job_name
    from activity_job_names
    left join jobs using (portal, job_uuid)
)

select * from named

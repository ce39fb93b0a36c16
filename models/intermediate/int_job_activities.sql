with

activities as (
    select * from {{ ref('stg_portal__activities') }}
),

-- R1: a job's first activity went on sale first. Unknown dates come last,
-- ties go by uuid.
ranked as (
    select
        portal,
        job_uuid,
        activity_uuid,
        activity_name,
        starting_at,
        row_number() over (
            partition by portal, job_uuid
            order by starting_at nulls last, activity_uuid
        ) as activity_rank
    from activities
    where job_uuid is not null
)

select * from ranked

with

activities as (
    select * from {{ ref('stg_portal__activities') }}
),

-- R1: a job's first activity: earliest on sale, unknown last, smallest uuid.
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

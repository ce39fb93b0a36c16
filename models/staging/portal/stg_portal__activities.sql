with

source as (
    select * from {{ source('landing', 'activities') }}
),

renamed as (
    select
        portal,
        {{ trim_text('activity_uuid') }} as activity_uuid,
        {{ trim_text('job_uuid') }} as job_uuid,
        {{ clean_text('name') }} as activity_name,
        {{ clean_text('job_name') }} as job_name,
        position,
        {{ utc_timestamp(trim_text('starting')) }} as starting_at,
        payload
    from source
),

-- Pages can overlap: an activity's first row counts.
ranked as (
    select
        *,
        row_number() over (
            partition by portal, activity_uuid
            order by
                position nulls last,
                job_uuid nulls last,
                payload nulls last
        ) as copy_rank
    from renamed
),

deduplicated as (
    select
        portal,
        activity_uuid,
        job_uuid,
        activity_name,
        job_name,
        position,
        starting_at
    from ranked
    where copy_rank = 1
)

select * from deduplicated

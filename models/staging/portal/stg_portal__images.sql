with

source as (
    select * from {{ source('landing', 'images') }}
),

renamed as (
    select
        portal,
        {{ trim_text('job_uuid') }} as job_uuid,
        {{ trim_text('image_uuid') }} as image_uuid,
        {{ trim_text('activity_uuid') }} as activity_uuid
    from source
),

-- An image that is listed twice belongs to both rows' activities.
deduplicated as (
    select distinct
        portal,
        job_uuid,
        image_uuid,
        activity_uuid
    from renamed
    where activity_uuid is not null
)

select * from deduplicated

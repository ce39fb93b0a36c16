with

source as (
    select * from {{ source('landing', 'jobs') }}
),

renamed as (
    select
        portal,
        {{ trim_text('job_uuid') }} as job_uuid,
        {{ clean_text('name') }} as job_name,
        is_gone
    from source
)

select * from renamed

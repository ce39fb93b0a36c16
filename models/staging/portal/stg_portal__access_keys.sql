with

source as (
    select * from {{ source('landing', 'access_keys') }}
),

-- R10: the first non-empty key of the answer, trimmed.
first_keys as (
    select
        portal,
        {{ trim_text('job_uuid') }} as job_uuid,
        {{ trim_text('subject_uuid') }} as subject_uuid,
        {{ first_text('access_keys') }} as access_key
    from source
)

select * from first_keys

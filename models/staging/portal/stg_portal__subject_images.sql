with

source as (
    select * from {{ source('landing', 'subjects') }}
),

unnested as (
    select
        portal,
        {{ trim_text('job_uuid') }} as job_uuid,
        {{ trim_text('subject_uuid') }} as subject_uuid,
        unnest(image_uuids) as image_uuid
    from source
),

-- R1: the references of all of a subject's copies, job details included.
united as (
    select distinct
        portal,
        job_uuid,
        subject_uuid,
        {{ trim_text('image_uuid') }} as image_uuid
    from unnested
    where {{ trim_text('image_uuid') }} is not null
)

select * from united

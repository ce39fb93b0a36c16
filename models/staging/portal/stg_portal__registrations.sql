with

source as (
    select * from {{ source('landing', 'registrations') }}
),

renamed as (
    select
        portal,
        {{ trim_text('job_uuid') }} as job_uuid,
        {{ trim_text('subject_uuid') }} as subject_uuid,
        {{ trim_text('user_uuid') }} as user_uuid,
        {{ trim_text('email') }} as email,
        position,
        payload
    from source
),

-- A user can be registered twice on a subject: the first e-mail counts.
ranked as (
    select
        *,
        row_number() over (
            partition by portal, job_uuid, subject_uuid, user_uuid
            order by
                case when email is null then 1 else 0 end,
                position nulls last,
                payload nulls last
        ) as copy_rank
    from renamed
),

deduplicated as (
    select
        portal,
        job_uuid,
        subject_uuid,
        user_uuid,
        email
    from ranked
    where
        copy_rank = 1
        and subject_uuid is not null
        and user_uuid is not null
)

select * from deduplicated

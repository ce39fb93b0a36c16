with

subjects as (
    select * from {{ ref('int_subjects') }}
),

registrations as (
    select * from {{ ref('stg_portal__registrations') }}
),

users as (
    select * from {{ ref('stg_portal__users') }}
),

portals as (
    select * from {{ ref('int_portals') }}
),

phone_numbers as (
    select * from {{ ref('int_phone_numbers') }}
),

-- R3: every user registered on the subject, with or without details. The
-- e-mail is the details', or if that is empty the registration's.
detailed as (
    select
        registrations.portal,
        registrations.job_uuid,
        registrations.subject_uuid,
        registrations.user_uuid,
        users.user_name,
        users.phone_number as phone_text,
        coalesce(users.email, registrations.email) as email_text
    from registrations
    semi join subjects using (portal, job_uuid, subject_uuid)
    left join users using (portal, user_uuid)
),

validated as (
    select
        detailed.*,
        phone_numbers.phone_number,
        {{ valid_email('detailed.email_text') }} as email
    from detailed
    inner join portals using (portal)
    left join phone_numbers using (region, phone_text)
),

-- R3: textable phone first, then valid e-mail, then smallest uuid.
ranked as (
    select
        *,
        row_number() over (
            partition by portal, job_uuid, subject_uuid
            order by
                case when phone_number is null then 1 else 0 end,
                case when email is null then 1 else 0 end,
                user_uuid
        ) as user_rank
    from validated
)

select * from ranked

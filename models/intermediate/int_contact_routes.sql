with

route_texts as (
    select * from {{ ref('int_route_texts') }}
),

portals as (
    select * from {{ ref('int_portals') }}
),

phone_numbers as (
    select * from {{ ref('int_phone_numbers') }}
),

-- A route has a phone and an e-mail: one row for each that has any text.
addresses as (
    select
        route_texts.portal,
        route_texts.job_uuid,
        route_texts.subject_uuid,
        route_texts.route,
        route_texts.route_rank,
        route_texts.user_uuid,
        'sms' as channel,
        route_texts.phone_text as address_text,
        phone_numbers.phone_number as address
    from route_texts
    inner join portals using (portal)
    left join phone_numbers using (region, phone_text)
    where route_texts.phone_text is not null

    union all

    select
        portal,
        job_uuid,
        subject_uuid,
        route,
        route_rank,
        user_uuid,
        'email' as channel,
        email_text as address_text,
        {{ valid_email('email_text') }} as address
    from route_texts
    where email_text is not null
)

select * from addresses

with

subjects as (
    select * from {{ ref('int_subjects') }}
),

registered_users as (
    select * from {{ ref('int_registered_users') }}
),

portals as (
    select * from {{ ref('int_portals') }}
),

phone_numbers as (
    select * from {{ ref('int_phone_numbers') }}
),

-- R4: a subject's routes, best first.
texts as (
    select
        portal,
        job_uuid,
        subject_uuid,
        'registered_user' as route,
        1 as route_group,
        user_rank,
        user_uuid,
        phone_text,
        email_text
    from registered_users

    {% for route, phone, email in [
        ('delivery_1', 'delivery_1.phone_number', 'delivery_1.email'),
        ('delivery_2', 'delivery_2.phone_number', 'delivery_2.email'),
        ('subject', 'phone_number', 'email'),
        ('subject_2', 'phone_number_2', 'email_2'),
    ] -%}
    union all

    select
        portal,
        job_uuid,
        subject_uuid,
        '{{ route }}' as route,
        {{ loop.index + 1 }} as route_group,
        1 as user_rank,
        cast(null as string) as user_uuid,
        {{ phone }} as phone_text,
        {{ email }} as email_text
    from subjects

    {% endfor -%}
),

ranked as (
    select
        *,
        row_number() over (
            partition by portal, job_uuid, subject_uuid
            order by route_group, user_rank
        ) as route_rank
    from texts
),

-- A route has a phone and an e-mail: one row for each that has any text.
addresses as (
    select
        ranked.portal,
        ranked.job_uuid,
        ranked.subject_uuid,
        ranked.route,
        ranked.route_rank,
        ranked.user_uuid,
        'sms' as channel,
        ranked.phone_text as address_text,
        phone_numbers.phone_number as address
    from ranked
    inner join portals using (portal)
    left join phone_numbers using (region, phone_text)
    where ranked.phone_text is not null

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
    from ranked
    where email_text is not null
)

select * from addresses

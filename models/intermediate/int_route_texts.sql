with

subjects as (
    select * from {{ ref('int_subjects') }}
),

registered_users as (
    select * from {{ ref('int_registered_users') }}
),

-- R4: the routes that count, best first.
listed as (
    {%- for route in var('contact_routes') %}
    select
        '{{ route }}' as route,
        {{ loop.index }} as route_group
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

-- A subject's routes, with the texts of each.
texts as (
    select
        portal,
        job_uuid,
        subject_uuid,
        'registered_user' as route,
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
    inner join listed using (route)
)

select * from ranked

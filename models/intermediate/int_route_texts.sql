{%- set routes = var('contact_routes') -%}
with

subjects as (
    select * from {{ ref('int_subjects') }}
),

registered_users as (
    select * from {{ ref('int_registered_users') }}
),

-- R4: the routes that count, best first.
listed as (
    {%- for route in routes %}
    select
        '{{ route }}' as route,
        {{ loop.index }} as route_group,
        {{ 'registered_user' in routes[:loop.index0] }} as is_after_users
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

user_counts as (
    select
        portal,
        job_uuid,
        subject_uuid,
        max(user_rank) as user_count
    from registered_users
    group by portal, job_uuid, subject_uuid
),

-- A subject's routes that have a text.
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
    where coalesce({{ phone }}, {{ email }}) is not null

    {% endfor -%}
),

-- R4: each registered user takes a place, and so does every other route, with
-- or without a text. Counting places takes less time than a window.
ranked as (
    select
        texts.*,
        listed.route_group,
        listed.route_group + texts.user_rank - 1 + case
            when listed.is_after_users
                then coalesce(user_counts.user_count, 0) - 1
            else 0
        end as route_rank
    from texts
    inner join listed using (route)
    left join user_counts using (portal, job_uuid, subject_uuid)
)

select * from ranked

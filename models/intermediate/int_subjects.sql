{%- set fields = [
    'own_activity_uuid', 'own_activity', 'external_id', 'first_name',
    'last_name', 'full_name', 'group_name', 'country', 'parent_name', 'delivery_1',
    'delivery_2', 'phone_number', 'phone_number_2', 'email', 'email_2',
    'marketing_consent', 'marketing_timestamp', 'transactional_consent',
    'transactional_timestamp',
] -%}
with

copies as (
    select * from {{ ref('stg_portal__subjects') }}
),

subjects as (
    select * from {{ ref('int_subject_lists') }}
    where is_subject
),

-- R1: only copies on the order lists count.
listed as (
    select
        copies.*,
        subjects.is_buyer,
        subjects.order_list_copies
    from copies
    inner join subjects using (portal, job_uuid, subject_uuid)
    where copies.listed_in in ('buyers', 'non_buyers')
),

-- Most subjects have one copy. Not to merge those takes 2 CPU seconds for a
-- million, instead of 11.
single as (
    select
        portal,
        job_uuid,
        subject_uuid,
        {%- for field in fields %}
        {{ field }},
        {%- endfor %}
        is_buyer
    from listed
    where order_list_copies = 1
),

-- R1: the copies on the buyers' list come first.
ranked as (
    select
        *,
        row_number() over (
            partition by portal, job_uuid, subject_uuid
            order by listed_in, position nulls last, payload nulls last
        ) as copy_rank
    from listed
    where order_list_copies > 1
),

-- R1: each field takes its first non-empty value.
merged as (
    select
        portal,
        job_uuid,
        subject_uuid,
        {%- for field in fields %}
        {{ first_known(field) }},
        {%- endfor %}
        bool_or(is_buyer) as is_buyer
    from ranked
    group by portal, job_uuid, subject_uuid
),

together as (
    select * from single
    union all
    select * from merged
),

-- R7: a subject's own name is "first last", or `name` if both are empty.
named as (
    select
        *,
        coalesce(
            nullif(concat_ws(' ', first_name, last_name), ''),
            full_name
        ) as own_name
    from together
)

select * from named

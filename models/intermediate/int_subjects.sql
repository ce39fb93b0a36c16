{%- set fields = [
    'own_activity_uuid', 'own_activity', 'external_id', 'first_name',
    'last_name', 'full_name', 'group_name', 'country', 'parent_name', 'delivery_1',
    'delivery_2', 'phone_number', 'phone_number_2', 'email', 'email_2',
    'marketing_consent', 'marketing_timestamp', 'transactional_consent',
    'transactional_timestamp',
] -%}
with

subjects as (
    select * from {{ ref('stg_portal__subjects') }}
),

activities as (
    select * from {{ ref('stg_portal__activities') }}
),

-- R1: a job's subjects are those on its two order lists, and the job has an
-- activity on sale.
listed as (
    select subjects.*
    from subjects
    semi join activities using (portal, job_uuid)
    where subjects.listed_in in ('buyers', 'non_buyers')
),

-- The buyers' list comes before the non-buyers'.
ranked as (
    select
        *,
        row_number() over (
            partition by portal, job_uuid, subject_uuid
            order by listed_in, position nulls last, payload nulls last
        ) as copy_rank
    from listed
),

-- R1: of each field the first value that is not empty. R2: who is on the
-- buyers' list is a buyer, whatever other list names them.
merged as (
    select
        portal,
        job_uuid,
        subject_uuid,
        {%- for field in fields %}
        {{ first_known(field) }},
        {%- endfor %}
        bool_or(listed_in = 'buyers') as is_buyer
    from ranked
    group by portal, job_uuid, subject_uuid
),

-- R7: a subject's own name is "first last"; `name` only where both are empty.
named as (
    select
        *,
        coalesce(
            nullif(concat_ws(' ', first_name, last_name), ''),
            full_name
        ) as own_name
    from merged
)

select * from named

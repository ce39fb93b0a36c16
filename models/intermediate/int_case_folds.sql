with

subjects as (
    select * from {{ ref('int_subjects') }}
),

registered_users as (
    select * from {{ ref('int_registered_users') }}
),

names as (
    {%- for name in [
        'own_name', 'delivery_1.name', 'delivery_2.name', 'parent_name'
    ] %}
    select {{ name }} as name_text from subjects
    union all
    {%- endfor %}
    select user_name as name_text from registered_users
),

-- lower() is not enough: 'ß' and 'SS' fold to the same text. Folding is
-- Python's, so each text is folded once.
distinct_names as (
    select distinct name_text
    from names
    where name_text is not null
),

folded as (
    select
        name_text,
        case_fold(name_text) as folded_text
    from distinct_names
)

select * from folded

with

portals as (
    select * from {{ ref('int_portals') }}
),

subjects as (
    select * from {{ ref('int_subjects') }}
),

users as (
    select * from {{ ref('stg_portal__users') }}
),

portal_texts as (
    {%- for phone in [
        'delivery_1.phone_number', 'delivery_2.phone_number', 'phone_number',
        'phone_number_2',
    ] %}
    select
        subjects.portal,
        subjects.{{ phone }} as phone_text
    from subjects
    union all
    {%- endfor %}
    select
        users.portal,
        users.phone_number as phone_text
    from users
),

region_texts as (
    select
        portals.region,
        portal_texts.phone_text
    from portal_texts
    inner join portals using (portal)
),

-- Each text is parsed once per region. Most are ten digits with punctuation,
-- which libphonenumber's patterns decide in SQL; Python parses the rest. A
-- million texts take 2 CPU seconds instead of 32.
distinct_texts as (
    select distinct
        region,
        phone_text
    from region_texts
    where phone_text is not null
),

spelled as (
    select
        region,
        phone_text,
        libphonenumber.common_number(phone_text, region) as common_number
    from distinct_texts
),

-- R5: a textable phone in E.164, else null.
parsed as (
    select
        region,
        phone_text,
        case
            when common_number is null then textable_phone(phone_text, region)
            when libphonenumber.is_textable_number(common_number)
                then '+1' || common_number
        end as phone_number
    from spelled
)

select * from parsed

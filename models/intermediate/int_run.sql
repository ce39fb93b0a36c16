with

loads as (
    select * from {{ ref('stg_portal__loads') }}
),

-- R11, R14: the time comes from the load or the variable, never from a clock.
dated as (
    select
        load_id,
        {%- if as_of_text() %}
        {{ utc_timestamp(text_literal(as_of_text())) }} as as_of
        {%- else %}
        extracted_at as as_of
        {%- endif %}
    from loads
),

-- R8: older consent has expired.
bounded as (
    select
        load_id,
        as_of,
        {{ hours_before('as_of', var('consent_max_age_days') * 24) }}
            as oldest_consent_at
    from dated
)

select * from bounded

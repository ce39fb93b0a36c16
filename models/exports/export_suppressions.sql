{{ config(post_hook={
    'sql': "{{ write_suppressions() }}", 'transaction': false
}) }}

-- Nothing is written before every contract of the marts has passed:
-- depends_on: {{ ref('audience_summary') }}

with

suppressions as (
    select * from {{ ref('int_suppressions') }}
),

-- They hold for every portal, and are written once.
exported as (
    select distinct
        channel,
        address,
        {{ utc_text('suppressed_at') }} as suppressed_at
    from suppressions
)

select * from exported

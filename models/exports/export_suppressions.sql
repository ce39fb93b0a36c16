{{ config(post_hook={
    'sql': "{{ write_suppressions() }}", 'transaction': false
}) }}

-- Nothing is written before every contract of the marts has passed:
-- depends_on: {{ ref('audience_summary') }}

with

suppressions as (
    select * from {{ ref('stg_suppressions') }}
),

exported as (
    select
        channel,
        address,
        {{ utc_text('suppressed_at') }} as suppressed_at
    from suppressions
)

select * from exported

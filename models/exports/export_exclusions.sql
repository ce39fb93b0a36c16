{{ config(post_hook={
    'sql': "{{ write_exclusions() }}", 'transaction': false
}) }}

-- Nothing is written before every contract of the marts has passed:
-- depends_on: {{ ref('audience_summary') }}

with

exclusions as (
    select * from {{ ref('audience_exclusions') }}
),

-- No name, phone, e-mail or key: only who and why.
exported as (
    select
        portal,
        job_uuid,
        activity_uuid,
        subject_uuid,
        buyer,
        reason
    from exclusions
)

select * from exported

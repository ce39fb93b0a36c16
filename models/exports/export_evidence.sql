{{ config(post_hook={
    'sql': "{{ write_evidence() }}", 'transaction': false
}) }}

-- Nothing is written before every contract of the marts has passed:
-- depends_on: {{ ref('audience_exclusions') }}
-- depends_on: {{ ref('audience_summary') }}

with

evidence as (
    select * from {{ ref('audience_evidence') }}
    where '{{ var("audience") }}' in ('both', audience)
),

-- No name, phone, e-mail or key.
exported as (
    select
        portal,
        job_uuid,
        activity_uuid,
        subject_uuid,
        audience,
        basis,
        dated_by,
        consented_at,
        coalesce(phone_route, '') as phone_route,
        coalesce(email_route, '') as email_route
    from evidence
)

select * from exported

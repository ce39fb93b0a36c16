with

contact_routes as (
    select * from {{ ref('int_contact_routes') }}
),

suppressions as (
    select * from {{ ref('int_suppressions') }}
),

subject_consents as (
    select * from {{ ref('int_subject_consents') }}
),

-- R9: a suppressed address is not used, unless a later explicit marketing
-- grant with its own timestamp lifts the suppression.
checked as (
    select
        contact_routes.*,
        suppressions.suppressed_at,
        suppressions.suppressed_at is not null
        and not coalesce(
            subject_consents.marketing_decision = 'grant'
            and subject_consents.marketing_decided_at
            > suppressions.suppressed_at,
            false
        ) as is_suppressed
    from contact_routes
    inner join subject_consents using (portal, job_uuid, subject_uuid)
    left join suppressions using (portal, channel, address)
),

usable as (
    select
        *,
        address is not null and not is_suppressed as is_usable
    from checked
)

select * from usable

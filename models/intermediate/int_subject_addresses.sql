with

addresses as (
    select * from {{ ref('int_route_addresses') }}
),

shared_addresses as (
    select * from {{ ref('int_shared_addresses') }}
),

suppressions as (
    select * from {{ ref('int_suppressions') }}
),

denied_addresses as (
    select * from {{ ref('int_denied_addresses') }}
),

subject_consents as (
    select * from {{ ref('int_subject_consents') }}
),

-- R9: those who deny are consent_denied; a denial stops the others.
stopped as (
    select
        addresses.*,
        shared_addresses.address is not null as is_shared,
        suppressions.suppressed_at,
        case
            when coalesce(subject_consents.marketing_decision, '') != 'deny'
                then denied_addresses.denied_at
        end as denied_at,
        case
            when subject_consents.marketing_decision = 'grant'
                then subject_consents.marketing_decided_at
        end as granted_at
    from addresses
    inner join subject_consents using (portal, job_uuid, subject_uuid)
    left join shared_addresses using (portal, channel, address)
    left join suppressions using (portal, channel, address)
    left join denied_addresses using (portal, channel, address)
),

-- R9: only the subject's explicit grant with its own, later timestamp lifts a
-- suppression or a denial.
judged as (
    select
        *,
        coalesce(suppressed_at >= granted_at, suppressed_at is not null)
        or coalesce(denied_at >= granted_at, denied_at is not null)
            as is_suppressed
    from stopped
),

-- R4: usable means on a route, not shared and not suppressed.
usable as (
    select
        *,
        first_route_rank is not null
        and not is_shared and not is_suppressed as is_usable
    from judged
),

-- R4: the places of a subject's usable addresses.
ranked as (
    select
        *,
        case
            when is_usable
                then row_number() over (
                    partition by
                        portal, job_uuid, subject_uuid, channel, is_usable
                    order by first_route_rank
                )
        end as address_rank
    from usable
)

select * from ranked

with

contact_routes as (
    select * from {{ ref('int_contact_routes') }}
),

addresses as (
    select * from {{ ref('int_subject_addresses') }}
),

checked as (
    select
        contact_routes.*,
        addresses.suppressed_at,
        addresses.denied_at,
        coalesce(addresses.is_shared, false) as is_shared,
        coalesce(addresses.is_suppressed, false) as is_suppressed
    from contact_routes
    left join addresses
        using (portal, job_uuid, subject_uuid, channel, address)
),

-- R4: usable means valid, not shared and not suppressed.
usable as (
    select
        *,
        address is not null and not is_shared and not is_suppressed as is_usable
    from checked
)

select * from usable

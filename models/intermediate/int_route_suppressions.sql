with

contact_routes as (
    select * from {{ ref('int_contact_routes') }}
),

addresses as (
    select * from {{ ref('int_subject_addresses') }}
),

-- R4, R9: what becomes of each route's address; without one, it is not usable.
checked as (
    select
        contact_routes.*,
        addresses.suppressed_at,
        addresses.denied_at,
        coalesce(addresses.is_shared, false) as is_shared,
        coalesce(addresses.is_suppressed, false) as is_suppressed,
        coalesce(addresses.is_usable, false) as is_usable,
        case when addresses.is_usable then addresses.first_route_rank end
            as first_route_rank,
        addresses.address_rank
    from contact_routes
    left join addresses
        using (portal, job_uuid, subject_uuid, channel, address)
)

select * from checked

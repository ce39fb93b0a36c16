with

routes as (
    select * from {{ ref('int_route_suppressions') }}
),

-- R4: an address counts once, where it first occurs along the routes.
first_occurrences as (
    select
        portal,
        job_uuid,
        subject_uuid,
        channel,
        address,
        min(route_rank) as first_route_rank
    from routes
    where is_usable
    group by portal, job_uuid, subject_uuid, channel, address
),

distinct_addresses as (
    select
        *,
        row_number() over (
            partition by portal, job_uuid, subject_uuid, channel
            order by first_route_rank
        ) as address_rank
    from first_occurrences
),

final as (
    select
        routes.*,
        distinct_addresses.first_route_rank,
        distinct_addresses.address_rank
    from routes
    left join distinct_addresses
        on
            routes.is_usable
            and routes.portal = distinct_addresses.portal
            and routes.job_uuid = distinct_addresses.job_uuid
            and routes.subject_uuid = distinct_addresses.subject_uuid
            and routes.channel = distinct_addresses.channel
            and routes.address = distinct_addresses.address
)

select * from final

with

routes as (
    select * from {{ ref('int_contact_routes') }}
),

registered_users as (
    select * from {{ ref('int_registered_users') }}
),

-- R9: the e-mail that registered_user_email shows is judged even if no route
-- has it.
occurrences as (
    select
        portal,
        job_uuid,
        subject_uuid,
        channel,
        address,
        route_rank
    from routes
    where address is not null

    union all

    select
        portal,
        job_uuid,
        subject_uuid,
        'email' as channel,
        email as address,
        cast(null as bigint) as route_rank
    from registered_users
    where
        user_rank = 1
        and email is not null
),

-- R4: an address counts once, where it first occurs along the routes.
addresses as (
    select
        portal,
        job_uuid,
        subject_uuid,
        channel,
        address,
        min(route_rank) as first_route_rank
    from occurrences
    group by portal, job_uuid, subject_uuid, channel, address
)

select * from addresses

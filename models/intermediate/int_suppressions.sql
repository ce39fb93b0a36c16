with

suppressions as (
    select * from {{ ref('stg_suppressions') }}
),

portals as (
    select * from {{ ref('int_portals') }}
),

-- R9: a suppression holds for every portal.
everywhere as (
    select
        portals.portal,
        suppressions.channel,
        suppressions.address,
        suppressions.suppressed_at
    from suppressions
    cross join portals
)

select * from everywhere

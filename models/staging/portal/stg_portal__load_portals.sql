with

source as (
    select * from {{ source('landing', 'loads') }}
),

portals as (
    select
        load_id,
        unnest(json_keys(portals)) as portal
    from source
)

select * from portals

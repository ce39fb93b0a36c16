-- What the load asked the portals for, and what it carried over from earlier
-- loads. Null where its load.json does not say. One row per portal.
with

portals as (
    select
        unnest(json_keys(portals)) as portal,
        portals
    from landing.loads
),

facts as (
    select
        portal,
        json_extract(
            portals, '$."' || replace(portal, '"', '\"') || '"'
        ) as said
    from portals
)

select
    portal,
    try_cast(said ->> '$.requests' as bigint) as requests,
    try_cast(said ->> '$.asked.access_keys' as bigint) as asked_keys,
    try_cast(said ->> '$.carried.access_keys' as bigint) as carried_keys,
    try_cast(said ->> '$.asked.users' as bigint) as asked_users,
    try_cast(said ->> '$.carried.users' as bigint) as carried_users,
    asked_keys + asked_users as asked,
    carried_keys + carried_users as carried
from facts
order by portal

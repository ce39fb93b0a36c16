-- R9: every suppression of the ledger and the list applies to every portal,
-- with its latest time.
-- If this is false, a suppression got lost, and a person who said stop can get
-- a text.

with

taken as (
    select * from {{ source('landing', 'suppressions') }}
),

portals as (
    select * from {{ ref('int_portals') }}
),

kept as (
    select * from {{ ref('int_suppressions') }}
)

select
    portals.portal,
    taken.channel
from taken
cross join portals
left join kept
    on
        portals.portal = kept.portal
        and taken.channel = kept.channel
        and taken.address = kept.address
where
    coalesce(
        kept.suppressed_at < {{ utc_timestamp('taken.suppressed_at') }}, true
    )

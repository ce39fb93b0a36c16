-- R9: every valid address on the suppression list applies to every portal, with
-- its latest time.
-- If this is false, a suppression got lost, and a person who said stop can get
-- a text.

with

listed as (
    select * from {{ ref('stg_suppressions') }}
),

phone_numbers as (
    select * from {{ ref('int_phone_numbers') }}
),

portals as (
    select * from {{ ref('int_portals') }}
),

kept as (
    select * from {{ ref('int_suppressions') }}
),

addresses as (
    select
        portals.portal,
        listed.channel,
        listed.suppressed_at,
        case listed.channel
            when 'sms' then phone_numbers.phone_number
            else {{ valid_email('listed.address') }}
        end as address
    from listed
    cross join portals
    left join phone_numbers
        on
            portals.region = phone_numbers.region
            and listed.address = phone_numbers.phone_text
)

select
    addresses.portal,
    addresses.channel
from addresses
left join kept using (portal, channel, address)
where
    addresses.address is not null
    and coalesce(kept.suppressed_at < addresses.suppressed_at, true)

with

suppressions as (
    select * from {{ ref('stg_suppressions') }}
),

portals as (
    select * from {{ ref('int_portals') }}
),

phone_numbers as (
    select * from {{ ref('int_phone_numbers') }}
),

-- R9: addresses are compared as R5 and R6 write them.
phones as (
    select
        portals.portal,
        suppressions.channel,
        phone_numbers.phone_number as address,
        suppressions.suppressed_at
    from suppressions
    cross join portals
    inner join phone_numbers
        on
            portals.region = phone_numbers.region
            and suppressions.address = phone_numbers.phone_text
    where suppressions.channel = 'sms'
),

emails as (
    select
        portals.portal,
        suppressions.channel,
        {{ valid_email('suppressions.address') }} as address,
        suppressions.suppressed_at
    from suppressions
    cross join portals
    where suppressions.channel = 'email'
),

addresses as (
    select * from phones
    union all
    select * from emails
),

-- Of an address that is listed again, the latest time counts.
latest as (
    select
        portal,
        channel,
        address,
        max(suppressed_at) as suppressed_at
    from addresses
    where address is not null
    group by portal, channel, address
)

select * from latest

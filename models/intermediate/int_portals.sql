with

portals as (
    select * from {{ ref('portals') }}
),

cleaned as (
    select
        portal,
        {{ clean_text('country') }} as country,
        region,
        consent_basis,
        {{ portal_root('base_url') }} as root_url
    from portals
)

select * from cleaned

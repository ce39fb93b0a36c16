with

source as (
    select * from {{ source('landing', 'suppressions') }}
),

renamed as (
    select
        channel,
        address,
        {{ utc_timestamp('suppressed_at') }} as suppressed_at
    from source
)

select * from renamed

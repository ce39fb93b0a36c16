with

source as (
    select * from {{ source('landing', 'suppressions') }}
),

renamed as (
    select
        {{ suppression_channel() }} as channel,
        {{ trim_text('address') }} as address,
        {{ clean_text('reason') }} as reason,
        {{ utc_timestamp(trim_text('suppressed_at')) }} as suppressed_at
    from source
)

select * from renamed

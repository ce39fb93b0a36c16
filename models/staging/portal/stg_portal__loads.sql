with

source as (
    select * from {{ source('landing', 'loads') }}
),

renamed as (
    select
        load_id,
        {{ utc_timestamp('extracted_at') }} as extracted_at
    from source
)

select * from renamed

with

source as (
    select * from {{ source('landing', 'users') }}
),

renamed as (
    select
        portal,
        {{ trim_text('user_uuid') }} as user_uuid,
        {{ clean_text('name') }} as user_name,
        {{ trim_text('email_address') }} as email,
        {{ trim_text('phone_number') }} as phone_number,
        is_gone
    from source
)

select * from renamed

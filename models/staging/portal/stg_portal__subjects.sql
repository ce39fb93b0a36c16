with

source as (
    select * from {{ source('landing', 'subjects') }}
),

renamed as (
    select
        portal,
        {{ trim_text('job_uuid') }} as job_uuid,
        {{ trim_text('subject_uuid') }} as subject_uuid,
        {{ trim_text('activity_uuid') }} as own_activity_uuid,
        {{ trim_text('activity') }} as own_activity,

        listed_in,
        {{ clean_text('external_id') }} as external_id,
        {{ clean_text('first_name') }} as first_name,
        {{ clean_text('last_name') }} as last_name,
        {{ clean_text('name') }} as full_name,
        {{ clean_text('group_name') }} as group_name,
        {{ clean_text('country') }} as country,
        {{ clean_text('parent_name') }} as parent_name,
        {{ clean_delivery('delivery_1') }} as delivery_1,
        {{ clean_delivery('delivery_2') }} as delivery_2,
        {{ trim_text('phone_number') }} as phone_number,
        {{ trim_text('phone_number_2') }} as phone_number_2,
        {{ trim_text('email') }} as email,
        {{ trim_text('email_2') }} as email_2,
        {{ trim_text('sms_marketing_consent') }} as marketing_consent,
        {{ trim_text('sms_marketing_timestamp') }} as marketing_timestamp,
        {{ trim_text('sms_transactional_consent') }} as transactional_consent,
        {{ trim_text('sms_transactional_timestamp') }}
            as transactional_timestamp,
        payload,

        position
    from source
)

select * from renamed

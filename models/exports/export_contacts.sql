{{ config(post_hook={
    'sql': "{{ write_contacts() }}", 'transaction': false
}) }}

-- Nothing is written before every contract of the marts has passed:
-- depends_on: {{ ref('audience_exclusions') }}
-- depends_on: {{ ref('audience_summary') }}

with

members as (
    select * from {{ ref('audience_members') }}
),

-- The exported columns, in order: all text, empty where there is no value. The
-- audience says which file a row goes to.
exported as (
    select
        coalesce(portal, '') as portal,
        coalesce(job_uuid, '') as job_uuid,
        coalesce(job_name, '') as job_name,
        coalesce(subject_uuid, '') as subject_uuid,
        coalesce(external_id, '') as external_id,
        coalesce(first_name, '') as first_name,
        coalesce(last_name, '') as last_name,
        coalesce(parent_name, '') as parent_name,
        coalesce(phone_number, '') as phone_number,
        coalesce(phone_number_2, '') as phone_number_2,
        coalesce(email, '') as email,
        coalesce(email_2, '') as email_2,
        coalesce(country, '') as country,
        coalesce(group_name, '') as "group",
        coalesce(buyer, '') as buyer,
        coalesce(access_code, '') as access_code,
        coalesce(url, '') as url,
        coalesce(custom_gallery_url, '') as custom_gallery_url,
        coalesce(sms_marketing_consent, '') as sms_marketing_consent,
        coalesce(sms_marketing_timestamp, '') as sms_marketing_timestamp,
        coalesce(sms_transactional_consent, '') as sms_transactional_consent,
        coalesce(sms_transactional_timestamp, '')
            as sms_transactional_timestamp,
        coalesce(activity_uuid, '') as activity_uuid,
        coalesce(activity_name, '') as activity_name,
        coalesce(registered_user, '') as registered_user,
        coalesce(registered_user_email, '') as registered_user_email,
        coalesce(registered_user_uuid, '') as registered_user_uuid,
        coalesce(resolution_strategy, '') as resolution_strategy,
        audience
    from members
    where is_exported
)

select * from exported

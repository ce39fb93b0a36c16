with

subjects as (
    select * from {{ ref('int_subjects') }}
),

routes as (
    select * from {{ ref('int_route_ranks') }}
),

-- R4: the first two distinct usable addresses of each channel.
contacts as (
    select
        portal,
        job_uuid,
        subject_uuid,
        max(case when channel = 'sms' and address_rank = 1 then address end)
            as phone_number,
        max(case when channel = 'sms' and address_rank = 2 then address end)
            as phone_number_2,
        max(case when channel = 'email' and address_rank = 1 then address end)
            as email,
        max(case when channel = 'email' and address_rank = 2 then address end)
            as email_2
    from routes
    where address_rank <= 2
    group by portal, job_uuid, subject_uuid
),

-- R13: what the routes that the contact filter looks at have at all.
{% set filter_channels = {
    'phone': "'sms'", 'email': "'email'", 'any': "'sms', 'email'"
}[var('contact_filter')] -%}
looked_at as (
    select
        portal,
        job_uuid,
        subject_uuid,
        bool_or(address is not null) as has_valid_address,
        bool_or(is_usable) as has_usable_address
    from routes
    where channel in ({{ filter_channels }})
    group by portal, job_uuid, subject_uuid
),

final as (
    select
        subjects.portal,
        subjects.job_uuid,
        subjects.subject_uuid,
        contacts.phone_number,
        contacts.phone_number_2,
        contacts.email,
        contacts.email_2,
        looked_at.subject_uuid is not null as has_contact_text,
        coalesce(looked_at.has_valid_address, false) as has_valid_address,
        coalesce(looked_at.has_usable_address, false) as has_usable_address
    from subjects
    left join contacts using (portal, job_uuid, subject_uuid)
    left join looked_at using (portal, job_uuid, subject_uuid)
)

select * from final

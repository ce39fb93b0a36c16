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
            as email_2,
        min_by(route, route_rank) filter (
            where channel = 'sms' and address_rank = 1
        ) as phone_route,
        min_by(route, route_rank) filter (
            where channel = 'email' and address_rank = 1
        ) as email_route
    from routes
    where address_rank <= 2
    group by portal, job_uuid, subject_uuid
),

-- R13: the addresses on the channels that the contact filter looks at.
looked_at as (
    select
        portal,
        job_uuid,
        subject_uuid,
        bool_or(address is not null) as has_valid_address,
        bool_or(address is not null and not is_shared) as has_unshared_address,
        bool_or(is_usable) as has_usable_address
    from routes
    {%- if var('contact_filter') == 'phone' %}
    where channel = 'sms'
    {%- elif var('contact_filter') == 'email' %}
    where channel = 'email'
    {%- endif %}
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
        contacts.phone_route,
        contacts.email_route,
        looked_at.subject_uuid is not null as has_contact_text,
        coalesce(looked_at.has_valid_address, false) as has_valid_address,
        coalesce(looked_at.has_unshared_address, false)
            as has_unshared_address,
        coalesce(looked_at.has_usable_address, false) as has_usable_address
    from subjects
    left join contacts using (portal, job_uuid, subject_uuid)
    left join looked_at using (portal, job_uuid, subject_uuid)
)

select * from final

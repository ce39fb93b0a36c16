{%- set filtered = {
    'phone': "channel = 'sms'", 'email': "channel = 'email'", 'any': 'true'
}[var('contact_filter')] -%}
with

subjects as (
    select * from {{ ref('int_subjects') }}
),

routes as (
    select * from {{ ref('int_route_suppressions') }}
),

-- R4: the first two distinct usable addresses of each channel. R13: what the
-- channels that the contact filter looks at have.
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
        ) as email_route,
        bool_or({{ filtered }}) as has_contact_text,
        bool_or({{ filtered }} and address is not null) as has_valid_address,
        bool_or({{ filtered }} and address is not null and not is_shared)
            as has_unshared_address,
        bool_or({{ filtered }} and is_usable) as has_usable_address
    from routes
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
        coalesce(contacts.has_contact_text, false) as has_contact_text,
        coalesce(contacts.has_valid_address, false) as has_valid_address,
        coalesce(contacts.has_unshared_address, false)
            as has_unshared_address,
        coalesce(contacts.has_usable_address, false) as has_usable_address
    from subjects
    left join contacts using (portal, job_uuid, subject_uuid)
)

select * from final

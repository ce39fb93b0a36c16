-- Both builds side by side: the fate in each, which exported values differ,
-- and whether fate, audience or texted phone differ (`is_move`). One row per
-- portal, job, activity and subject of either.
create temp table pairs as
with

pairs as (
    select
        portal,
        job_uuid,
        activity_uuid,
        subject_uuid,
        base.audience as base_audience,
        head.audience as head_audience,
        coalesce(base.fate, 'no_candidate') as base_fate,
        coalesce(head.fate, 'no_candidate') as head_fate,
        case when base.fate = 'exported' then base.phone_number end
            as base_phone,
        case when head.fate = 'exported' then head.phone_number end
            as head_phone,
        differ(base.job_name, head.job_name) as other_job_name,
        differ(base.external_id, head.external_id) as other_external_id,
        differ(base.first_name, head.first_name) as other_first_name,
        differ(base.last_name, head.last_name) as other_last_name,
        differ(base.parent_name, head.parent_name) as other_parent_name,
        differ(base.phone_number, head.phone_number) as other_phone_number,
        differ(base.phone_number_2, head.phone_number_2)
            as other_phone_number_2,
        differ(base.email, head.email) as other_email,
        differ(base.email_2, head.email_2) as other_email_2,
        differ(base.country, head.country) as other_country,
        differ(base.group_name, head.group_name) as other_group,
        differ(base.buyer, head.buyer) as other_buyer,
        differ(base.access_code, head.access_code) as other_access_code,
        differ(base.url, head.url) as other_url,
        differ(base.custom_gallery_url, head.custom_gallery_url)
            as other_custom_gallery_url,
        differ(base.sms_marketing_consent, head.sms_marketing_consent)
            as other_sms_marketing_consent,
        differ(base.sms_marketing_timestamp, head.sms_marketing_timestamp)
            as other_sms_marketing_timestamp,
        differ(base.sms_transactional_consent, head.sms_transactional_consent)
            as other_sms_transactional_consent,
        differ(
            base.sms_transactional_timestamp, head.sms_transactional_timestamp
        ) as other_sms_transactional_timestamp,
        differ(base.activity_name, head.activity_name) as other_activity_name,
        differ(base.registered_user, head.registered_user)
            as other_registered_user,
        differ(base.registered_user_email, head.registered_user_email)
            as other_registered_user_email,
        differ(base.registered_user_uuid, head.registered_user_uuid)
            as other_registered_user_uuid,
        differ(base.resolution_strategy, head.resolution_strategy)
            as other_resolution_strategy
    from base_members as base
    full outer join head_members as head
        using (portal, job_uuid, activity_uuid, subject_uuid)
),

classified as (
    select
        *,
        base_fate = 'exported' as is_texted_by_base,
        head_fate = 'exported' as is_texted_by_head,
        coalesce(
            base_fate = 'exported'
            and head_fate = 'exported'
            and base_audience = head_audience
            and greatest(*columns('^other_')),
            false
        ) as is_changed,
        base_fate != head_fate
        or coalesce(base_audience != head_audience, false)
        or differ(base_phone, head_phone) as is_move
    from pairs
)

select * from classified

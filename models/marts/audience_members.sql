with

candidates as (
    select * from {{ ref('int_candidates') }}
),

subjects as (
    select * from {{ ref('int_subjects') }}
),

portals as (
    select * from {{ ref('int_portals') }}
),

job_names as (
    select * from {{ ref('int_job_names') }}
),

contacts as (
    select * from {{ ref('int_subject_contacts') }}
),

parent_names as (
    select * from {{ ref('int_parent_names') }}
),

first_users as (
    select * from {{ ref('int_first_users') }}
),

galleries as (
    select * from {{ ref('int_galleries') }}
),

consents as (
    select * from {{ ref('int_candidate_consents') }}
),

fates as (
    select * from {{ ref('int_candidate_fates') }}
),

joined as (
    select
        candidates.portal,
        candidates.job_uuid,
        job_names.job_name,
        candidates.subject_uuid,
        subjects.external_id,
        subjects.first_name,
        subjects.last_name,
        parent_names.parent_name,
        contacts.phone_number,
        contacts.phone_number_2,
        contacts.email,
        contacts.email_2,
        coalesce(subjects.country, portals.country) as country,
        subjects.group_name,
        case when subjects.is_buyer then 'Yes' else 'No' end as buyer,
        galleries.access_code,
        galleries.url,
        galleries.custom_gallery_url,
        case consents.marketing_decision
            when 'grant' then 'SUBSCRIBE'
            when 'deny' then 'UNSUBSCRIBE'
        end as sms_marketing_consent,
        {{ utc_text('consents.marketing_at') }} as sms_marketing_timestamp,
        case consents.transactional_decision
            when 'deny' then 'UNSUBSCRIBE' else 'SUBSCRIBE'
        end as sms_transactional_consent,
        {{ utc_text('consents.transactional_at') }}
            as sms_transactional_timestamp,
        candidates.activity_uuid,
        candidates.activity_name,
        case when first_users.user_uuid is null then 'No' else 'Yes' end
            as registered_user,
        first_users.shown_email as registered_user_email,
        first_users.user_uuid as registered_user_uuid,
        candidates.resolution_strategy,
        case when subjects.is_buyer then 'buyers' else 'non_buyers' end
            as audience,
        fates.exclusion_reason,
        fates.is_exported
    from candidates
    inner join subjects using (portal, job_uuid, subject_uuid)
    inner join contacts using (portal, job_uuid, subject_uuid)
    inner join galleries using (portal, job_uuid, subject_uuid)
    inner join portals using (portal)
    left join job_names using (portal, job_uuid)
    left join parent_names using (portal, job_uuid, subject_uuid)
    left join first_users using (portal, job_uuid, subject_uuid)
    inner join consents
        using (portal, job_uuid, activity_uuid, subject_uuid)
    inner join fates
        using (portal, job_uuid, activity_uuid, subject_uuid)
)

select * from joined

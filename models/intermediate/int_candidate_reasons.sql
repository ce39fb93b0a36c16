with

candidates as (
    select * from {{ ref('int_candidates') }}
),

subjects as (
    select * from {{ ref('int_subjects') }}
),

first_users as (
    select * from {{ ref('int_registered_users') }}
    where user_rank = 1
),

contacts as (
    select * from {{ ref('int_subject_contacts') }}
),

consents as (
    select * from {{ ref('int_candidate_consents') }}
),

galleries as (
    select * from {{ ref('int_galleries') }}
),

exclusion_reasons as (
    select * from {{ ref('exclusion_reasons') }}
),

pictured as (
    select distinct
        portal,
        job_uuid,
        subject_uuid
    from {{ ref('stg_portal__subject_images') }}
),

-- What the reasons ask about a candidate, and the variables of R11.
facts as (
    select
        candidates.portal,
        candidates.job_uuid,
        candidates.activity_uuid,
        candidates.subject_uuid,
        {{ passes_filter('candidates.portal', 'portals') }} as is_in_portals,
        {{ passes_filter('candidates.job_uuid', 'job_uuids') }} as is_in_jobs,
        {{ passes_filter('subjects.group_name', 'groups') }} as is_in_groups,
        {{ var('registered_only') }} as needs_user,
        first_users.user_uuid is not null as has_user,
        {{ var('require_images') }} as needs_image,
        pictured.subject_uuid is not null as has_image,
        contacts.has_contact_text as has_text,
        contacts.has_valid_address as has_valid,
        contacts.has_unshared_address as has_unshared,
        contacts.has_usable_address as has_usable,
        consents.consent_problem,
        galleries.access_code is not null as has_key
    from candidates
    inner join subjects using (portal, job_uuid, subject_uuid)
    inner join contacts using (portal, job_uuid, subject_uuid)
    inner join consents using (portal, job_uuid, activity_uuid, subject_uuid)
    inner join galleries using (portal, job_uuid, subject_uuid)
    left join pictured using (portal, job_uuid, subject_uuid)
    left join first_users using (portal, job_uuid, subject_uuid)
),

-- R13: when each reason applies. The last two depend on all others (R12).
applying as (
    select
        facts.portal,
        facts.job_uuid,
        facts.activity_uuid,
        facts.subject_uuid,
        exclusion_reasons.reason as exclusion_reason
    from facts
    cross join exclusion_reasons
    where
        case exclusion_reasons.reason
            when 'filter_portal' then not is_in_portals
            when 'filter_job' then not is_in_jobs
            when 'filter_group' then not is_in_groups
            when 'activity_not_in_webshop' then activity_uuid = ''
            when 'filter_registered' then needs_user and not has_user
            when 'no_images' then needs_image and not has_image
            when 'contact_missing' then not has_text
            when 'contact_invalid' then has_text and not has_valid
            when 'contact_shared' then has_valid and not has_unshared
            when 'suppressed' then has_unshared and not has_usable
            when 'consent_denied' then consent_problem = 'consent_denied'
            when 'consent_missing' then consent_problem = 'consent_missing'
            when 'consent_expired' then consent_problem = 'consent_expired'
            when 'access_key_missing' then not has_key
        end
)

select * from applying

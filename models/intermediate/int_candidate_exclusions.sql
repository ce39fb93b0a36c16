with

candidates as (
    select * from {{ ref('int_candidates') }}
),

subjects as (
    select * from {{ ref('int_subjects') }}
),

subject_images as (
    select * from {{ ref('stg_portal__subject_images') }}
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

pictured as (
    select distinct
        portal,
        job_uuid,
        subject_uuid
    from subject_images
),

facts as (
    select
        candidates.portal,
        candidates.job_uuid,
        candidates.activity_uuid,
        candidates.subject_uuid,
        subjects.group_name,
        first_users.user_uuid,
        pictured.subject_uuid is not null as has_images,
        contacts.has_contact_text,
        contacts.has_valid_address,
        contacts.has_usable_address,
        consents.consent_problem,
        galleries.access_code
    from candidates
    inner join subjects using (portal, job_uuid, subject_uuid)
    inner join contacts using (portal, job_uuid, subject_uuid)
    inner join consents
        using (portal, job_uuid, activity_uuid, subject_uuid)
    left join pictured using (portal, job_uuid, subject_uuid)
    left join first_users using (portal, job_uuid, subject_uuid)
    inner join galleries using (portal, job_uuid, subject_uuid)
),

-- R13: the first reason that applies, all but `duplicate`.
judged as (
    select
        portal,
        job_uuid,
        activity_uuid,
        subject_uuid,
        case
            when not {{ passes_filter('portal', 'portals') }}
                then 'filter_portal'
            when not {{ passes_filter('job_uuid', 'job_uuids') }}
                then 'filter_job'
            when not {{ passes_filter('group_name', 'groups') }}
                then 'filter_group'
            when activity_uuid = '' then 'activity_not_in_webshop'
            {%- if var('registered_only') %}
            when user_uuid is null then 'filter_registered'
            {%- endif %}
            {%- if var('require_images') %}
            when not has_images then 'no_images'
            {%- endif %}
            when not has_contact_text then 'contact_missing'
            when not has_valid_address then 'contact_invalid'
            when not has_usable_address then 'suppressed'
            when consent_problem is not null then consent_problem
            when access_code is null then 'access_key_missing'
        end as exclusion_reason
    from facts
)

select * from judged

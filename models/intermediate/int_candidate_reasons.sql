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
        first_users.user_uuid is not null as is_registered,
        pictured.subject_uuid is not null as has_images,
        contacts.has_contact_text,
        contacts.has_valid_address,
        contacts.has_usable_address,
        consents.consent_problem,
        galleries.access_code is not null as has_access_key
    from candidates
    inner join subjects using (portal, job_uuid, subject_uuid)
    inner join contacts using (portal, job_uuid, subject_uuid)
    inner join consents
        using (portal, job_uuid, activity_uuid, subject_uuid)
    left join pictured using (portal, job_uuid, subject_uuid)
    left join first_users using (portal, job_uuid, subject_uuid)
    inner join galleries using (portal, job_uuid, subject_uuid)
),

-- R13: each reason with when it applies, all but `duplicate`.
{% set conditions = {
    'filter_portal': 'not ' ~ passes_filter('portal', 'portals'),
    'filter_job': 'not ' ~ passes_filter('job_uuid', 'job_uuids'),
    'filter_group': 'not ' ~ passes_filter('group_name', 'groups'),
    'activity_not_in_webshop': "activity_uuid = ''",
    'filter_registered': 'not is_registered' if var('registered_only')
        else 'false',
    'no_images': 'not has_images' if var('require_images') else 'false',
    'contact_missing': 'not has_contact_text',
    'contact_invalid': 'has_contact_text and not has_valid_address',
    'suppressed': 'has_valid_address and not has_usable_address',
    'consent_denied': "consent_problem = 'consent_denied'",
    'consent_missing': "consent_problem = 'consent_missing'",
    'consent_expired': "consent_problem = 'consent_expired'",
    'access_key_missing': 'not has_access_key',
} -%}
applying as (
    {%- for reason, condition in conditions.items() %}
    select
        portal,
        job_uuid,
        activity_uuid,
        subject_uuid,
        '{{ reason }}' as exclusion_reason
    from facts
    where {{ condition }}
    {{ "union all" if not loop.last }}
    {%- endfor %}
)

select * from applying

with

members as (
    select * from {{ ref('audience_members') }}
    where is_exported
),

consents as (
    select * from {{ ref('int_candidate_consents') }}
),

contacts as (
    select * from {{ ref('int_subject_contacts') }}
),

-- R8, R4: on what consent a row rests, and where its addresses come from.
evidence as (
    select
        members.portal,
        members.job_uuid,
        members.activity_uuid,
        members.subject_uuid,
        members.audience,
        consents.marketing_basis as basis,
        consents.marketing_dated_by as dated_by,
        members.sms_marketing_timestamp as consented_at,
        contacts.phone_route,
        contacts.email_route
    from members
    inner join consents
        using (portal, job_uuid, activity_uuid, subject_uuid)
    inner join contacts using (portal, job_uuid, subject_uuid)
)

select * from evidence

-- R8: every exported member rests on the subject's explicit grant, or on a
-- webshop portal's basis with an empty consent field.
-- If this is false, no one can say on what consent a person was texted.

with

members as (
    select * from {{ ref('audience_members') }}
    where is_exported
),

evidence as (
    select * from {{ ref('audience_evidence') }}
),

subjects as (
    select * from {{ ref('int_subjects') }}
),

consents as (
    select * from {{ ref('int_subject_consents') }}
),

portals as (
    select * from {{ ref('int_portals') }}
)

select
    members.portal,
    members.job_uuid,
    members.activity_uuid,
    members.subject_uuid
from members
inner join subjects using (portal, job_uuid, subject_uuid)
inner join consents using (portal, job_uuid, subject_uuid)
inner join portals using (portal)
left join evidence using (portal, job_uuid, activity_uuid, subject_uuid)
where
    evidence.basis is null
    or (evidence.phone_route is null) != (members.phone_number is null)
    or (evidence.email_route is null) != (members.email is null)
    or evidence.basis = 'explicit'
    and consents.marketing_decision is distinct from 'grant'
    or evidence.basis = 'webshop'
    and (
        subjects.marketing_consent is not null
        or portals.consent_basis != 'webshop'
        or evidence.dated_by != 'starting'
    )

-- The fate of each of their activities (R13), with the consent that decides it
-- (R8), its evidence, and the row that is kept instead (R12). One row per
-- portal, job, subject and activity.
with

members as (
    select * from build_members
    semi join people using (portal, job_uuid, subject_uuid)
),

consents as (
    select * from {{ build }}.intermediate.int_candidate_consents
),

subject_consents as (
    select * from {{ build }}.intermediate.int_subject_consents
),

evidence as (
    select * from {{ build }}.marts.audience_evidence
),

exclusions as (
    select * from {{ build }}.marts.audience_exclusions
),

-- The rows that they are kept instead of.
displaced as (
    select
        portal,
        kept_job_uuid as job_uuid,
        kept_activity_uuid as activity_uuid,
        kept_subject_uuid as subject_uuid,
        count(*) as displaced
    from exclusions
    where kept_subject_uuid is not null
    group by portal, kept_job_uuid, kept_activity_uuid, kept_subject_uuid
)

select
    members.portal,
    members.job_uuid,
    members.subject_uuid,
    members.activity_uuid,
    members.activity_name,
    members.audience,
    members.fate,
    members.phone_number,
    members.email,
    consents.marketing_decision,
    consents.marketing_basis,
    consents.marketing_at,
    consents.marketing_dated_by,
    subject_consents.is_marketing_unknown,
    evidence.phone_route,
    evidence.email_route,
    exclusions.kept_job_uuid,
    exclusions.kept_activity_uuid,
    exclusions.kept_subject_uuid,
    coalesce(displaced.displaced, 0) as displaced
from members
left join consents using (portal, job_uuid, activity_uuid, subject_uuid)
left join subject_consents using (portal, job_uuid, subject_uuid)
left join evidence using (portal, job_uuid, activity_uuid, subject_uuid)
left join exclusions using (portal, job_uuid, activity_uuid, subject_uuid)
left join displaced using (portal, job_uuid, activity_uuid, subject_uuid)
order by
    members.portal,
    members.job_uuid,
    members.subject_uuid,
    members.activity_uuid

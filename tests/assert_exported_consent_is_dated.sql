-- R8: every exported member has granted marketing consent, at a known time that
-- is neither after as_of nor older than consent_max_age_days.
-- If this is false, people are texted without consent, or with a made-up date.

with

members as (
    select * from {{ ref('audience_members') }}
    where is_exported
),

consents as (
    select * from {{ ref('int_candidate_consents') }}
),

run as (
    select * from {{ ref('int_run') }}
)

select
    members.portal,
    members.job_uuid,
    members.activity_uuid,
    members.subject_uuid
from members
inner join consents using (portal, job_uuid, activity_uuid, subject_uuid)
cross join run
where
    members.sms_marketing_consent is distinct from 'SUBSCRIBE'
    or members.sms_marketing_timestamp is null
    or coalesce(consents.marketing_at > run.as_of, true)
    or consents.marketing_at < run.oldest_consent_at

with

candidates as (
    select * from {{ ref('int_candidates') }}
),

subject_consents as (
    select * from {{ ref('int_subject_consents') }}
),

portals as (
    select * from {{ ref('int_portals') }}
),

run as (
    select * from {{ ref('int_run') }}
),

-- R8: an explicit field decides, and if it is empty, the portal's basis. An
-- unknown word is no consent under either basis.
decided as (
    select
        candidates.portal,
        candidates.job_uuid,
        candidates.activity_uuid,
        candidates.subject_uuid,
        case
            when subject_consents.marketing_decision is not null
                then subject_consents.marketing_decision
            when subject_consents.is_marketing_unknown then null
            when portals.consent_basis = 'webshop' then 'grant'
        end as marketing_decision,
        case
            when
                subject_consents.marketing_decision is not null
                or subject_consents.is_marketing_unknown
                then 'explicit'
            else portals.consent_basis
        end as marketing_basis,
        subject_consents.transactional_decision,
        subject_consents.marketing_decided_at,
        subject_consents.transactional_decided_at,
        candidates.starting_at
    from candidates
    inner join subject_consents using (portal, job_uuid, subject_uuid)
    inner join portals using (portal)
),

-- R8: an explicit grant has its own date, else the activity's. Consent under
-- the basis webshop has the activity's date, whatever the field says.
dated as (
    select
        portal,
        job_uuid,
        activity_uuid,
        subject_uuid,
        marketing_decision,
        marketing_basis,
        case
            when marketing_basis = 'webshop' then starting_at
            when marketing_decision = 'grant'
                then coalesce(marketing_decided_at, starting_at)
            when marketing_decision = 'deny' then marketing_decided_at
        end as marketing_at,
        case
            when
                marketing_decision = 'grant'
                and marketing_basis = 'explicit'
                and marketing_decided_at is not null
                then 'field'
            when marketing_decision = 'grant' then 'starting'
        end as marketing_dated_by,
        coalesce(transactional_decision, 'grant') as transactional_decision,
        case
            when transactional_decision is not null
                then coalesce(transactional_decided_at, starting_at)
            else starting_at
        end as transactional_at
    from decided
),

judged as (
    select
        dated.*,
        case
            when dated.marketing_decision = 'deny' then 'consent_denied'
            when
                dated.marketing_decision is null
                or dated.marketing_at is null
                or dated.marketing_at > run.as_of
                then 'consent_missing'
            when dated.marketing_at < run.oldest_consent_at
                then 'consent_expired'
        end as consent_problem
    from dated
    cross join run
)

select * from judged

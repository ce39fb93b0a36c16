-- Every reason of R13, in its order, and whether it applies to each of their
-- activities, so that a second obstacle is visible before the first is
-- removed. Only candidates that nothing else excludes can have a buyer
-- elsewhere or be duplicates (R12). One row per portal, job, subject, activity
-- and reason.
with

candidates as (
    select * from {{ build }}.intermediate.int_candidates
    semi join people using (portal, job_uuid, subject_uuid)
),

exclusion_reasons as (
    select * from {{ build }}.seeds.exclusion_reasons
),

buyers_elsewhere as (
    select
        portal,
        job_uuid,
        activity_uuid,
        subject_uuid,
        'buyer_elsewhere' as exclusion_reason
    from {{ build }}.intermediate.int_buyers_elsewhere
),

duplicates as (
    select
        portal,
        job_uuid,
        activity_uuid,
        subject_uuid,
        'duplicate' as exclusion_reason
    from {{ build }}.intermediate.int_candidate_duplicates
),

applying as (
    select * from {{ build }}.intermediate.int_candidate_reasons
    union all by name
    select * from buyers_elsewhere
    union all by name
    select * from duplicates
)

select
    candidates.portal,
    candidates.job_uuid,
    candidates.subject_uuid,
    candidates.activity_uuid,
    exclusion_reasons.reason,
    exclusion_reasons.label,
    exclusion_reasons.rule,
    exclusion_reasons.meaning,
    exclusion_reasons.remedy,
    applying.exclusion_reason is not null as does_apply
from candidates
cross join exclusion_reasons
left join applying
    on
        candidates.portal = applying.portal
        and candidates.job_uuid = applying.job_uuid
        and candidates.activity_uuid = applying.activity_uuid
        and candidates.subject_uuid = applying.subject_uuid
        and exclusion_reasons.reason = applying.exclusion_reason
order by
    candidates.portal,
    candidates.job_uuid,
    candidates.subject_uuid,
    candidates.activity_uuid,
    exclusion_reasons.precedence

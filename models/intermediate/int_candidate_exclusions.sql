with

candidates as (
    select * from {{ ref('int_candidates') }}
),

reasons as (
    select * from {{ ref('int_candidate_reasons') }}
),

exclusion_reasons as (
    select * from {{ ref('exclusion_reasons') }}
),

-- R13: the first reason that applies, before duplicates are found.
first_reasons as (
    select
        reasons.portal,
        reasons.job_uuid,
        reasons.activity_uuid,
        reasons.subject_uuid,
        min_by(reasons.exclusion_reason, exclusion_reasons.precedence)
            as exclusion_reason
    from reasons
    inner join exclusion_reasons
        on reasons.exclusion_reason = exclusion_reasons.reason
    group by
        reasons.portal,
        reasons.job_uuid,
        reasons.activity_uuid,
        reasons.subject_uuid
),

judged as (
    select
        candidates.portal,
        candidates.job_uuid,
        candidates.activity_uuid,
        candidates.subject_uuid,
        first_reasons.exclusion_reason
    from candidates
    left join first_reasons
        using (portal, job_uuid, activity_uuid, subject_uuid)
)

select * from judged

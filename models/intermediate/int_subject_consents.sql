with

subjects as (
    select * from {{ ref('int_subjects') }}
),

consent_values as (
    select * from {{ ref('consent_values') }}
),

-- R8: what the consent fields decide; null if they are empty or have an
-- unknown word.
decided as (
    select
        subjects.portal,
        subjects.job_uuid,
        subjects.subject_uuid,
        subjects.marketing_consent is not null
        and marketing.decision is null as is_marketing_unknown,
        marketing.decision as marketing_decision,
        transactional.decision as transactional_decision,
        {{ utc_timestamp('subjects.marketing_timestamp') }}
            as marketing_decided_at,
        {{ utc_timestamp('subjects.transactional_timestamp') }}
            as transactional_decided_at
    from subjects
    left join consent_values as marketing
        on
            {{ ascii_lower('subjects.marketing_consent') }}
            = marketing.consent_value
    left join consent_values as transactional
        on
            {{ ascii_lower('subjects.transactional_consent') }}
            = transactional.consent_value
)

select * from decided

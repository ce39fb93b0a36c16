with

subjects as (
    select * from {{ ref('int_subjects') }}
),

subject_consents as (
    select * from {{ ref('int_subject_consents') }}
),

-- R8: counts alone, as the words are free text and can be personal.
counted as (
    select
        subjects.portal,
        case when subjects.is_buyer then 'buyers' else 'non_buyers' end
            as audience,
        count(*) as subjects
    from subjects
    inner join subject_consents using (portal, job_uuid, subject_uuid)
    where subject_consents.is_marketing_unknown
    group by subjects.portal, subjects.is_buyer
)

select * from counted

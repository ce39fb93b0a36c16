with

exclusions as (
    select * from {{ ref('int_candidate_exclusions') }}
),

duplicates as (
    select * from {{ ref('int_candidate_duplicates') }}
),

-- R13: duplicate is the last reason, for rows without any other.
decided as (
    select
        exclusions.portal,
        exclusions.job_uuid,
        exclusions.activity_uuid,
        exclusions.subject_uuid,
        case
            when duplicates.subject_uuid is not null then 'duplicate'
            else exclusions.exclusion_reason
        end as exclusion_reason
    from exclusions
    left join duplicates
        using (portal, job_uuid, activity_uuid, subject_uuid)
),

-- R13: a candidate is exported, or excluded for one reason.
final as (
    select
        *,
        exclusion_reason is null as is_exported
    from decided
)

select * from final

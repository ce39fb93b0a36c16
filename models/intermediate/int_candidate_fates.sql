with

exclusions as (
    select * from {{ ref('int_candidate_exclusions') }}
),

buyers_elsewhere as (
    select * from {{ ref('int_buyers_elsewhere') }}
),

duplicates as (
    select * from {{ ref('int_candidate_duplicates') }}
),

-- R13: the last two reasons are for rows without any other.
decided as (
    select
        exclusions.portal,
        exclusions.job_uuid,
        exclusions.activity_uuid,
        exclusions.subject_uuid,
        case
            when buyers_elsewhere.subject_uuid is not null
                then 'buyer_elsewhere'
            when duplicates.subject_uuid is not null then 'duplicate'
            else exclusions.exclusion_reason
        end as exclusion_reason
    from exclusions
    left join buyers_elsewhere
        using (portal, job_uuid, activity_uuid, subject_uuid)
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

with

subjects as (
    select * from {{ ref('int_subjects') }}
),

subject_activities as (
    select * from {{ ref('int_subject_activities') }}
),

job_activities as (
    select * from {{ ref('int_job_activities') }}
),

-- R1: every on-sale activity of its job that a subject belongs to.
resolved as (
    select
        portal,
        job_uuid,
        subject_uuid,
        activity_uuid,
        case when is_direct then 'direct' else 'image' end
            as resolution_strategy
    from subject_activities
    where is_on_sale
),

-- R1: a subject without any known activity gets its job's first.
by_job as (
    select
        subjects.portal,
        subjects.job_uuid,
        subjects.subject_uuid,
        job_activities.activity_uuid,
        'job' as resolution_strategy
    from subjects
    inner join job_activities using (portal, job_uuid)
    anti join subject_activities using (portal, job_uuid, subject_uuid)
    where job_activities.activity_rank = 1
),

-- R1: if none of the known activities is on sale, the activity is empty.
off_sale as (
    select
        portal,
        job_uuid,
        subject_uuid,
        '' as activity_uuid,
        cast(null as string) as resolution_strategy
    from subject_activities
    group by portal, job_uuid, subject_uuid
    having not bool_or(is_on_sale)
),

candidates as (
    select * from resolved
    union all
    select * from by_job
    union all
    select * from off_sale
),

final as (
    select
        candidates.portal,
        candidates.job_uuid,
        candidates.activity_uuid,
        candidates.subject_uuid,
        candidates.resolution_strategy,
        job_activities.activity_name,
        job_activities.starting_at
    from candidates
    left join job_activities using (portal, job_uuid, activity_uuid)
)

select * from final

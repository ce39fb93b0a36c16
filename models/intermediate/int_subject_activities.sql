with

subjects as (
    select * from {{ ref('int_subjects') }}
),

subject_images as (
    select * from {{ ref('stg_portal__subject_images') }}
),

images as (
    select * from {{ ref('stg_portal__images') }}
),

activities as (
    select * from {{ ref('stg_portal__activities') }}
),

-- R1: a subject's own fields have activities...
direct as (
    select
        portal,
        job_uuid,
        subject_uuid,
        own_activity_uuid as activity_uuid,
        true as is_direct
    from subjects
    where own_activity_uuid is not null

    union all

    select
        portal,
        job_uuid,
        subject_uuid,
        own_activity as activity_uuid,
        true as is_direct
    from subjects
    where own_activity is not null
),

-- ...and so do the images that it refers to.
by_image as (
    select
        subjects.portal,
        subjects.job_uuid,
        subjects.subject_uuid,
        images.activity_uuid,
        false as is_direct
    from subjects
    inner join subject_images using (portal, job_uuid, subject_uuid)
    inner join images using (portal, job_uuid, image_uuid)
),

together as (
    select * from direct
    union all
    select * from by_image
),

known as (
    select
        portal,
        job_uuid,
        subject_uuid,
        activity_uuid,
        bool_or(is_direct) as is_direct
    from together
    group by portal, job_uuid, subject_uuid, activity_uuid
),

-- R1: an activity counts as on sale only in its own job.
final as (
    select
        known.portal,
        known.job_uuid,
        known.subject_uuid,
        known.activity_uuid,
        known.is_direct,
        activities.activity_uuid is not null as is_on_sale
    from known
    left join activities using (portal, job_uuid, activity_uuid)
)

select * from final

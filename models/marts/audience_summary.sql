with

load_portals as (
    select * from {{ ref('stg_portal__load_portals') }}
),

members as (
    select * from {{ ref('audience_members') }}
),

-- Every portal of the load has both audiences, even without a member.
audiences as (
    select
        portal,
        'buyers' as audience
    from load_portals

    union all

    select
        portal,
        'non_buyers' as audience
    from load_portals
),

distinct_subjects as (
    select distinct
        portal,
        audience,
        job_uuid,
        subject_uuid
    from members
),

subjects as (
    select
        portal,
        audience,
        count(*) as subjects
    from distinct_subjects
    group by portal, audience
),

fates as (
    select
        portal,
        audience,
        coalesce(exclusion_reason, 'exported') as fate,
        count(*) as candidates
    from members
    group by portal, audience, coalesce(exclusion_reason, 'exported')
),

summarized as (
    select
        audiences.portal,
        audiences.audience,
        coalesce(subjects.subjects, 0) as subjects,
        coalesce(fates.fate, 'exported') as fate,
        coalesce(fates.candidates, 0) as candidates
    from audiences
    left join subjects using (portal, audience)
    left join fates using (portal, audience)
)

select * from summarized

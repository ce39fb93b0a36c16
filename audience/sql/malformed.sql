-- How many members and reasons there are, how many members lack a key, an
-- audience or a fate, and how many keys are repeated. One row.
with

members as (
    select * from {{ build }}.marts.audience_members
),

reasons as (
    select * from {{ build }}.seeds.exclusion_reasons
),

judged as (
    select
        members.portal,
        coalesce(
            members.portal != ''
            and members.job_uuid != ''
            and members.subject_uuid != ''
            and members.activity_uuid is not null
            and members.audience in ('buyers', 'non_buyers')
            and members.is_exported = (members.exclusion_reason is null)
            and members.is_exported = (reasons.reason is null),
            false
        ) as is_whole
    from members
    left join reasons on members.exclusion_reason = reasons.reason
),

repeated as (
    select portal
    from members
    group by portal, job_uuid, activity_uuid, subject_uuid
    having count(*) > 1
),

broken as (
    select portal
    from judged
    where not is_whole
)

select
    (select count(*) from reasons) as reasons,
    (select count(*) from members) as members,
    (select count(*) from broken) as broken,
    (select count(*) from repeated) as repeated

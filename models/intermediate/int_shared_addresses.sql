with

routes as (
    select * from {{ ref('int_contact_routes') }}
),

-- An address that occurs no more often than the limit needs no counting of
-- subjects: that takes a third of the time.
frequent as (
    select
        portal,
        job_uuid,
        channel,
        address
    from routes
    where address is not null
    group by portal, job_uuid, channel, address
    having count(*) > {{ var('max_subjects_per_address') }}
),

counted as (
    select
        portal,
        job_uuid,
        channel,
        address,
        count(distinct subject_uuid) as subjects
    from routes
    semi join frequent using (portal, job_uuid, channel, address)
    group by portal, job_uuid, channel, address
),

-- R4: too many subjects of one job have it, so it is not used in the portal.
shared as (
    select distinct
        portal,
        channel,
        address
    from counted
    where
        {{ var('max_subjects_per_address') }} > 0
        and subjects > {{ var('max_subjects_per_address') }}
)

select * from shared

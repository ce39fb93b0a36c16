with

routes as (
    select * from {{ ref('int_contact_routes') }}
),

subject_consents as (
    select * from {{ ref('int_subject_consents') }}
),

run as (
    select * from {{ ref('int_run') }}
),

-- R9: a denial is for every address of the subject, from its own time on. If
-- that is unreadable, it counts as new.
denied as (
    select
        routes.portal,
        routes.channel,
        routes.address,
        max(coalesce(subject_consents.marketing_decided_at, run.as_of))
            as denied_at
    from routes
    inner join subject_consents using (portal, job_uuid, subject_uuid)
    cross join run
    where
        routes.address is not null
        and subject_consents.marketing_decision = 'deny'
    group by routes.portal, routes.channel, routes.address
)

select * from denied

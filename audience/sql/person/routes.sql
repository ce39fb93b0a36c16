-- Their contact routes, best first, and what became of each (R4, R5, R6, R9).
-- For a shared address: how many subjects have it in the job where most have
-- it. It does not say whose denial stops an address. One row per portal, job,
-- subject, route and channel.
with

routes as (
    select * from {{ build }}.intermediate.int_route_suppressions
    semi join people using (portal, job_uuid, subject_uuid)
),

sharing as (
    select
        portal,
        job_uuid,
        channel,
        address,
        count(distinct subject_uuid) as subjects
    from {{ build }}.intermediate.int_contact_routes
    semi join routes using (portal, channel, address)
    group by portal, job_uuid, channel, address
),

most as (
    select
        portal,
        channel,
        address,
        max(subjects) as subjects
    from sharing
    group by portal, channel, address
)

select
    routes.portal,
    routes.job_uuid,
    routes.subject_uuid,
    routes.route,
    routes.route_rank,
    routes.user_uuid,
    routes.channel,
    routes.address_text,
    routes.address,
    routes.is_shared,
    case when routes.is_shared then most.subjects end as sharing_subjects,
    case when routes.is_shared then sharing.subjects = most.subjects end
        as is_shared_in_job,
    routes.suppressed_at,
    routes.denied_at,
    routes.is_suppressed,
    routes.is_usable,
    routes.first_route_rank,
    routes.address_rank
from routes
left join sharing using (portal, job_uuid, channel, address)
left join most using (portal, channel, address)
order by
    routes.portal asc,
    routes.job_uuid asc,
    routes.subject_uuid asc,
    routes.route_rank asc,
    routes.channel desc

-- Where they could be reached, best first, and what became of it (R4, R5, R6,
-- R9). One row a portal, job, subject, route and channel.
select
    portal,
    job_uuid,
    subject_uuid,
    route,
    route_rank,
    user_uuid,
    channel,
    address_text,
    address,
    suppressed_at,
    is_suppressed,
    is_usable,
    first_route_rank,
    address_rank
from {{ build }}.intermediate.int_route_ranks
semi join people using (portal, job_uuid, subject_uuid)
order by
    portal asc,
    job_uuid asc,
    subject_uuid asc,
    route_rank asc,
    channel desc

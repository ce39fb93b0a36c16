-- The subjects that a phone or an e-mail leads to on any route, also where it
-- is suppressed or another comes before it. One row a portal, job and subject.
create temp table people as
select distinct
    portal,
    job_uuid,
    subject_uuid
from {{ build }}.intermediate.int_contact_routes
where
    channel = getvariable('channel')
    and address = getvariable('address')

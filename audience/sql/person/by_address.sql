-- The subjects with a phone or an e-mail on any route, even if it is
-- suppressed or a better one is used. One row per portal, job and subject.
create temp table people as
select distinct
    portal,
    job_uuid,
    subject_uuid
from {{ build }}.intermediate.int_contact_routes
where
    channel = getvariable('channel')
    and address = getvariable('address')

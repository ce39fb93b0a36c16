-- The subjects of a uuid, also those that are no candidates. One row a portal,
-- job and subject.
create temp table people as
select
    portal,
    job_uuid,
    subject_uuid
from {{ build }}.intermediate.int_subject_lists
where subject_uuid = getvariable('subject')

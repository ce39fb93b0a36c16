-- The subjects with a uuid, candidates or not. One row per portal, job and
-- subject.
create temp table people as
select
    portal,
    job_uuid,
    subject_uuid
from {{ build }}.intermediate.int_subject_lists
where subject_uuid = getvariable('subject')

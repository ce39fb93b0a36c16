-- The registered users of the people, in order of rank (R3). One row per
-- portal, job, subject and user.
select
    portal,
    job_uuid,
    subject_uuid,
    user_uuid,
    user_rank
from {{ build }}.intermediate.int_registered_users
semi join people using (portal, job_uuid, subject_uuid)
order by portal, job_uuid, subject_uuid, user_rank

-- Each job's subjects: how many have an address that the contact filter
-- accepts, and how many have bought nothing. Jobs that the variables leave out
-- do not count. One row per portal and job.
with

subjects as (
    select
        portal,
        job_uuid,
        subject_uuid,
        any_value(job_name) as job_name,
        bool_and(audience = 'non_buyers') as is_unsold
    from members
    where
        exclusion_reason is null
        or exclusion_reason not in ('filter_portal', 'filter_job')
    group by portal, job_uuid, subject_uuid
)

select
    subjects.portal,
    subjects.job_uuid,
    any_value(subjects.job_name) as job_name,
    count(*) as subjects,
    count(*) filter (where contacts.has_usable_address) as reachable,
    count(*) filter (where subjects.is_unsold) as unsold
from subjects
inner join intermediate.int_subject_contacts as contacts
    using (portal, job_uuid, subject_uuid)
group by subjects.portal, subjects.job_uuid
order by subjects.portal, subjects.job_uuid

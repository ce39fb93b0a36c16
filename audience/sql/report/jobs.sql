-- Each job's subjects: who has an address that the contact filter can use, and
-- who has bought nothing. Jobs that the variables leave out are no jobs of the
-- run. One row a portal and job.
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

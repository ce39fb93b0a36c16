-- The people, and what makes them subjects and buyers (R1, R2). One row per
-- portal, job and subject.
with

lists as (
    select * from {{ build }}.intermediate.int_subject_lists
    semi join people using (portal, job_uuid, subject_uuid)
),

subjects as (
    select * from {{ build }}.intermediate.int_subjects
),

job_names as (
    select * from {{ build }}.intermediate.int_job_names
),

parent_names as (
    select * from {{ build }}.intermediate.int_parent_names
),

galleries as (
    select * from {{ build }}.intermediate.int_galleries
)

select
    lists.portal,
    lists.job_uuid,
    job_names.job_name,
    lists.subject_uuid,
    lists.is_buyer,
    lists.is_on_order_list,
    lists.is_job_on_sale,
    lists.is_subject,
    subjects.own_name,
    subjects.group_name,
    parent_names.parent_name,
    galleries.access_code
from lists
left join subjects using (portal, job_uuid, subject_uuid)
left join job_names using (portal, job_uuid)
left join parent_names using (portal, job_uuid, subject_uuid)
left join galleries using (portal, job_uuid, subject_uuid)
order by lists.portal, lists.job_uuid, lists.subject_uuid

-- The numbers from landed subjects to texted phones. One row.
--
-- landed - in_details_only - of_jobs_off_sale = subjects; a candidate is one
-- activity of a subject; exported - without_phone - phones is how many rows
-- repeat another row's phone.
with

lists as (
    select * from intermediate.int_subject_lists
),

landed as (
    select
        count(*) as landed,
        count(*) filter (where not is_on_order_list) as in_details_only,
        count(*) filter (where is_on_order_list and not is_job_on_sale)
            as of_jobs_off_sale
    from lists
),

candidates as (
    select
        count(distinct row(portal, job_uuid, subject_uuid)) as subjects,
        count(*) as candidates,
        count(*) filter (where is_written) as exported,
        count(*) filter (where is_written and phone_number is null)
            as without_phone,
        count(distinct phone_number) filter (where is_written) as phones
    from members
)

select *
from landed
cross join candidates

with

landed as (
    select * from {{ ref('stg_portal__subjects') }}
),

activities as (
    select * from {{ ref('stg_portal__activities') }}
),

jobs_on_sale as (
    select distinct
        portal,
        job_uuid
    from activities
),

-- R2: a subject on the buyers' list is a buyer, whatever other list has it.
listed as (
    select
        portal,
        job_uuid,
        subject_uuid,
        bool_or(listed_in = 'buyers') as is_buyer,
        bool_or(listed_in in ('buyers', 'non_buyers')) as is_on_order_list,
        count(*) filter (
            where listed_in in ('buyers', 'non_buyers')
        ) as order_list_copies
    from landed
    group by portal, job_uuid, subject_uuid
),

-- R1: a job's subjects are those on its two order lists, if the job has an
-- activity on sale.
final as (
    select
        listed.*,
        jobs_on_sale.job_uuid is not null as is_job_on_sale,
        listed.is_on_order_list
        and jobs_on_sale.job_uuid is not null as is_subject
    from listed
    left join jobs_on_sale using (portal, job_uuid)
)

select * from final

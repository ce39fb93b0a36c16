-- R12: with dedup_by phone (or phone_job), no phone comes twice in an audience
-- of a portal (or job), nor an e-mail among rows without a phone.
-- If this is false, a parent gets one text per child.

{% set dedup_by = var('dedup_by') -%}
select
    portal,
    audience,
    count(*) as rows_of_one_address
from {{ ref('audience_members') }}
where
    is_exported
    and '{{ dedup_by }}' != 'activity_subject'
group by
    portal,
    audience,
    phone_number,
    case when phone_number is null then email end,
    {{ 'job_uuid' if dedup_by == 'phone_job' else "''" }}
having count(*) > 1

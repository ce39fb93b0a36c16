-- R12: with buyers_get_no_reminder job (or portal), no address of an exported
-- buyers row is in an exported non-buyers row of the same job (or portal).
-- If this is false, a family that has bought is asked to buy.

{% set scope = var('buyers_get_no_reminder') -%}
with

members as (
    select
        portal,
        job_uuid,
        subject_uuid,
        audience,
        phone_number is null as has_no_phone,
        coalesce(phone_number, email) as address
    from {{ ref('audience_members') }}
    where
        is_exported
        and '{{ scope }}' != 'never'
)

select
    portal,
    {{ 'job_uuid' if scope == 'job' else "'' as job_uuid" }},
    count(*) as rows_of_one_address
from members
group by
    portal,
    {{ 'job_uuid' if scope == 'job' else "''" }},
    has_no_phone,
    address
having count(distinct audience) > 1

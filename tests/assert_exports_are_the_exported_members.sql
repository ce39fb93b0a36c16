-- R13: the export models have every exported member once, and no one else.
-- If this is false, the promoted files differ from what the marts decided.

{% set columns = 'portal, job_uuid, activity_uuid, subject_uuid' -%}
with

exports as (
    select {{ columns }}
    from {{ ref('export_buyers') }}
    where buyer = 'Yes'

    union all

    select {{ columns }}
    from {{ ref('export_non_buyers') }}
    where buyer = 'No'
),

members as (
    select {{ columns }}
    from {{ ref('audience_members') }}
    where is_exported
),

missing as (
    select * from members
    except all
    select * from exports
),

unexpected as (
    select * from exports
    except all
    select * from members
)

select * from missing
union all
select * from unexpected

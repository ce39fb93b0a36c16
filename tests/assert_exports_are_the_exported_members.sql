-- R13: the export model holds the exported members, each once, and no other.
-- If this is false, what is promoted is not what the marts decided.

{% set columns = 'portal, job_uuid, activity_uuid, subject_uuid' -%}
with

exports as (
    select {{ columns }}
    from {{ ref('export_contacts') }}
    where audience = case buyer when 'Yes' then 'buyers' else 'non_buyers' end
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

-- R13: the export models hold the exported members, each once, and no other.
-- If this is false, what is promoted is not what the marts decided.

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

unasked as (
    select * from exports
    except all
    select * from members
)

select * from missing
union all
select * from unasked

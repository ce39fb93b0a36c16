-- R13: the export models hold the exported members, each once, and no other.
-- If this is false, what is promoted is not what the marts decided.

with

exports as (
    select 'buyers' as audience, portal, job_uuid, activity_uuid, subject_uuid
    from {{ ref('export_buyers') }}
    union all
    select 'non_buyers' as audience, portal, job_uuid, activity_uuid, subject_uuid
    from {{ ref('export_non_buyers') }}
),

members as (
    select audience, portal, job_uuid, activity_uuid, subject_uuid
    from {{ ref('audience_members') }}
    where is_exported
)

(select * from exports except all select * from members)
union all
(select * from members except all select * from exports)

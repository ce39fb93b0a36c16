-- R13: the summary counts every candidate once.
-- If this is false, reports differ from what was exported.

with

members as (
    select
        portal,
        audience,
        count(*) as candidates
    from {{ ref('audience_members') }}
    group by portal, audience
),

summary as (
    select
        portal,
        audience,
        sum(candidates) as candidates
    from {{ ref('audience_summary') }}
    group by portal, audience
)

select *
from summary
full outer join members using (portal, audience)
where
    coalesce(summary.candidates, 0) != coalesce(members.candidates, 0)

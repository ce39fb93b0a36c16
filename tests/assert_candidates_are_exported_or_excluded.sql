-- R13: in every portal, candidates = exported + excluded.
-- If this is false, a candidate has no fate, or two.

with

candidates as (
    select
        portal,
        count(*) as candidates
    from {{ ref('int_candidates') }}
    group by portal
),

exported as (
    select
        portal,
        count(*) as exported
    from {{ ref('audience_members') }}
    where is_exported
    group by portal
),

excluded as (
    select
        portal,
        count(*) as excluded
    from {{ ref('audience_exclusions') }}
    group by portal
)

select *
from candidates
full outer join exported using (portal)
full outer join excluded using (portal)
where
    coalesce(candidates, 0) != coalesce(exported, 0) + coalesce(excluded, 0)

-- Each portal's candidates, exported rows and distinct phones, also of a
-- portal without any. One row per portal.
with

portals as (
    select distinct portal from marts.audience_summary
),

counts as (
    select
        portal,
        count(*) as candidates,
        count(*) filter (where is_written and audience = 'buyers') as buyers,
        count(*) filter (where is_written and audience = 'non_buyers')
            as non_buyers,
        count(distinct phone_number) filter (where is_written) as phones
    from members
    group by portal
)

select
    portals.portal,
    coalesce(counts.candidates, 0) as candidates,
    coalesce(counts.buyers, 0) as buyers,
    coalesce(counts.non_buyers, 0) as non_buyers,
    coalesce(counts.phones, 0) as phones
from portals
left join counts using (portal)
order by portals.portal

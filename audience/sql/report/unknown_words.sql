-- The subjects whose consent field has an unknown word (R8). One row per
-- portal that has such subjects.
with

counts as (
    select
        portal,
        sum(subjects) filter (where audience = 'buyers') as buyers,
        sum(subjects) filter (where audience = 'non_buyers') as non_buyers
    from marts.audience_unknown_words
    group by portal
)

select
    portal,
    cast(coalesce(buyers, 0) as bigint) as buyers,
    cast(coalesce(non_buyers, 0) as bigint) as non_buyers
from counts
order by portal

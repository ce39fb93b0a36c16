-- Whose consent field has a word that the project does not know (R8). One row a
-- portal that has such subjects.
select
    portal,
    cast(
        sum(case when audience = 'buyers' then subjects else 0 end) as bigint
    ) as buyers,
    cast(
        sum(case when audience = 'buyers' then 0 else subjects end) as bigint
    ) as non_buyers
from marts.audience_unknown_words
group by portal
order by portal

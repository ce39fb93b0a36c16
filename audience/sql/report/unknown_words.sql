-- Whose consent field has a word that the project does not know (R8). One row a
-- portal that has such subjects.
select
    portal,
    cast(coalesce(sum(subjects) filter (where audience = 'buyers'), 0) as bigint)
        as buyers,
    cast(
        coalesce(sum(subjects) filter (where audience = 'non_buyers'), 0) as bigint
    ) as non_buyers
from marts.audience_unknown_words
group by portal
order by portal

-- The reasons in words. One row per reason.
select
    reason,
    label
from {{ build }}.seeds.exclusion_reasons
order by precedence

-- Why candidates are in no file, in the order of R13. One row a reason that
-- there is.
with

excluded as (
    select
        coalesce(exclusion_reason, 'not_written') as reason,
        count(*) filter (where audience = 'buyers') as buyers,
        count(*) filter (where audience = 'non_buyers') as non_buyers
    from members
    where not is_written
    group by coalesce(exclusion_reason, 'not_written')
)

select
    excluded.reason,
    coalesce(exclusion_reasons.label, 'Audience not written') as label,
    coalesce(
        exclusion_reasons.meaning,
        'The variable audience leaves this audience out.'
    ) as meaning,
    coalesce(
        exclusion_reasons.remedy, 'Build with the variable audience at both.'
    ) as remedy,
    excluded.buyers,
    excluded.non_buyers
from excluded
left join seeds.exclusion_reasons
    on excluded.reason = exclusion_reasons.reason
order by exclusion_reasons.precedence nulls last

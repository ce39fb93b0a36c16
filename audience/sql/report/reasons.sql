-- Why candidates are in no file, the most frequent reason first. One row per
-- reason that occurs.
with

excluded as (
    select
        coalesce(exclusion_reason, 'not_written') as reason,
        count(*) filter (where audience = 'buyers') as buyers,
        count(*) filter (where audience = 'non_buyers') as non_buyers
    from members
    where not is_written
    group by coalesce(exclusion_reason, 'not_written')
),

-- The variable `audience` can leave an audience out; R13 has no name for that.
reasons as (
    select
        reason,
        label,
        meaning,
        remedy,
        precedence
    from seeds.exclusion_reasons

    union all

    select
        'not_written' as reason,
        'Audience not written' as label,  -- noqa: RF04
        'The variable audience leaves this audience out.' as meaning,
        'Build with the variable audience at both.' as remedy,
        null as precedence
)

select
    excluded.reason,
    reasons.label,
    reasons.meaning,
    reasons.remedy,
    excluded.buyers,
    excluded.non_buyers
from excluded
left join reasons on excluded.reason = reasons.reason
order by
    excluded.buyers + excluded.non_buyers desc,
    reasons.precedence nulls last

-- The exported columns whose values differ, in rows that both builds text in
-- the same audience. One row per portal, audience and column.
with

counts as (
    select
        portal,
        head_audience as audience,
        count_if(columns('other_(.*)')) as "\1" -- noqa: RF05
    from pairs
    where is_changed
    group by portal, head_audience
),

long as (
    unpivot counts
    on columns(* exclude (portal, audience))
    into name column_name value rows_changed
)

select *
from long
where rows_changed > 0
order by portal asc, audience asc, rows_changed desc, column_name asc

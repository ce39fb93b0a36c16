-- Which exported values are others, in rows that both builds text and list
-- alike. One row a portal, audience and column.
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

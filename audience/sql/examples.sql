-- The first subjects of each move, by the start of their uuid. One row per
-- move and start.
with

moved as (
    select distinct
        portal,
        base_audience,
        base_fate,
        head_audience,
        head_fate,
        left(subject_uuid, 8) as subject
    from pairs
    where is_move
),

ranked as (
    select
        *,
        row_number() over (
            partition by
                portal, base_audience, base_fate, head_audience, head_fate
            order by subject
        ) as place
    from moved
)

select * exclude (place)
from ranked
where place <= getvariable('examples')
order by all

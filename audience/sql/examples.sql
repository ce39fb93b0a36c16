-- The first subjects, by the beginning of their uuid, of each move. One row a
-- move and beginning.
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

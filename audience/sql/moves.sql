-- The candidates whose fate, audience or texted phone changes, from what to
-- what, with the phones that are newly texted or no longer texted because of
-- it. A phone of several rows counts once, so that the numbers add up: under a
-- guarded fate if there is one, else under the first in the order of R13. One
-- row per portal, audience and fate in base, and audience and fate in head.
with

-- An example is the start of a subject's uuid, which can be any text.
moved as (
    select
        *,
        regexp_replace(left(subject_uuid, 8), '[^A-Za-z0-9-]', '?', 'g')
            as example
    from pairs
    where is_move
),

row_counts as (
    select
        portal,
        base_audience,
        base_fate,
        head_audience,
        head_fate,
        count(*) as candidates,
        coalesce(
            list_slice(
                list_sort(
                    list(distinct example)
                    filter (where getvariable('examples') > 0)
                ),
                1,
                getvariable('examples')
            ),
            []
        ) as examples
    from moved
    group by all
),

newly as (
    select
        moved.*,
        row_number() over (
            partition by moved.portal, moved.head_phone
            order by
                fates.is_guarded desc,
                fates.precedence asc,
                moved.base_audience asc nulls last,
                moved.head_audience asc
        ) as place
    from moved
    inner join phones
        on moved.portal = phones.portal and moved.head_phone = phones.phone
    inner join fates on moved.base_fate = fates.fate
    where not phones.is_texted_by_base
),

no_longer as (
    select
        moved.*,
        row_number() over (
            partition by moved.portal, moved.base_phone
            order by
                fates.is_guarded desc,
                fates.precedence asc,
                moved.head_audience asc nulls last,
                moved.base_audience asc
        ) as place
    from moved
    inner join phones
        on moved.portal = phones.portal and moved.base_phone = phones.phone
    inner join fates on moved.head_fate = fates.fate
    where not phones.is_texted_by_head
),

changed_phones as (
    select
        *,
        true as is_new
    from newly
    where place = 1

    union all

    select
        *,
        false as is_new
    from no_longer
    where place = 1
),

phone_counts as (
    select
        portal,
        base_audience,
        base_fate,
        head_audience,
        head_fate,
        count_if(is_new) as newly_texted,
        count_if(not is_new) as no_longer_texted
    from changed_phones
    group by all
)

select
    row_counts.*,
    coalesce(phone_counts.newly_texted, 0) as newly_texted,
    coalesce(phone_counts.no_longer_texted, 0) as no_longer_texted
from row_counts
left join phone_counts
    on
        row_counts.portal = phone_counts.portal
        and row_counts.base_fate = phone_counts.base_fate
        and row_counts.head_fate = phone_counts.head_fate
        and row_counts.base_audience
        is not distinct from phone_counts.base_audience
        and row_counts.head_audience
        is not distinct from phone_counts.head_audience
order by
    greatest(newly_texted, no_longer_texted) desc,
    candidates desc,
    portal asc,
    base_audience asc nulls last,
    base_fate asc,
    head_audience asc nulls last,
    head_fate asc

-- How each audience's rows and phones change. Head's number is base's, plus
-- what enters, minus what leaves. One row per portal and audience.
with

-- Count the pairs of each kind first: a few hundred rows from here on.
kinds as (
    select
        portal,
        base_audience,
        head_audience,
        is_texted_by_base,
        is_texted_by_head,
        is_changed,
        base_fate != head_fate
        or coalesce(base_audience != head_audience, false) as has_moved,
        count(*) as pairs
    from pairs
    group by all
),

audiences as (
    select unnest(['buyers', 'non_buyers']) as audience
),

listed as (
    select
        kinds.*,
        audiences.audience,
        coalesce(kinds.base_audience = audiences.audience, false) as is_in_base,
        coalesce(kinds.head_audience = audiences.audience, false) as is_in_head
    from kinds
    cross join audiences
),

row_counts as (
    select
        portal,
        audience,
        sum(pairs) filter (where is_in_base) as base_candidates,
        sum(pairs) filter (where is_in_head) as head_candidates,
        sum(pairs) filter (where is_in_base and is_texted_by_base)
            as base_rows,
        sum(pairs) filter (where is_in_head and is_texted_by_head)
            as head_rows,
        sum(pairs) filter (
            where is_in_head and is_texted_by_head and not is_texted_by_base
        ) as rows_entering,
        sum(pairs) filter (
            where is_in_base and is_texted_by_base and not is_texted_by_head
        ) as rows_leaving,
        sum(pairs) filter (
            where
            is_in_head
            and not is_in_base
            and is_texted_by_base
            and is_texted_by_head
        ) as rows_switching_in,
        sum(pairs) filter (
            where
            is_in_base
            and not is_in_head
            and is_texted_by_base
            and is_texted_by_head
        ) as rows_switching_out,
        sum(pairs) filter (where is_in_head and is_changed) as rows_changed,
        sum(pairs) filter (
            where
            (is_in_base or is_in_head)
            and has_moved
            and not is_texted_by_base
            and not is_texted_by_head
        ) as rows_moved
    from listed
    group by portal, audience
),

phone_lists as (
    select
        phones.portal,
        audiences.audience,
        phones.is_texted_by_base,
        phones.is_texted_by_head,
        case audiences.audience
            when 'buyers' then phones.is_base_buyers
            else phones.is_base_non_buyers
        end as is_in_base,
        case audiences.audience
            when 'buyers' then phones.is_head_buyers
            else phones.is_head_non_buyers
        end as is_in_head
    from phones
    cross join audiences
),

phone_counts as (
    select
        portal,
        audience,
        count_if(is_in_base) as base_phones,
        count_if(is_in_head) as head_phones,
        count_if(is_in_head and not is_texted_by_base)
            as phones_newly_texted,
        count_if(is_in_base and not is_texted_by_head)
            as phones_no_longer_texted,
        count_if(is_in_head and not is_in_base and is_texted_by_base)
            as phones_switching_in,
        count_if(is_in_base and not is_in_head and is_texted_by_head)
            as phones_switching_out
    from phone_lists
    group by portal, audience
)

select
    portal,
    audience,
    cast(coalesce(columns(* exclude (portal, audience)), 0) as bigint)
from row_counts
left join phone_counts using (portal, audience)
order by portal, audience

-- The phones that each build texts; a phone counts once in a portal. One row
-- per portal and phone.
create temp table phones as
with

texted as (
    select
        portal,
        base_phone as phone,
        base_audience = 'buyers' as is_base_buyers,
        base_audience = 'non_buyers' as is_base_non_buyers,
        false as is_head_buyers,
        false as is_head_non_buyers
    from pairs
    where base_phone is not null

    union all

    select
        portal,
        head_phone as phone,
        false as is_base_buyers,
        false as is_base_non_buyers,
        head_audience = 'buyers' as is_head_buyers,
        head_audience = 'non_buyers' as is_head_non_buyers
    from pairs
    where head_phone is not null
),

phones as (
    select
        portal,
        phone,
        bool_or(is_base_buyers) as is_base_buyers,
        bool_or(is_base_non_buyers) as is_base_non_buyers,
        bool_or(is_head_buyers) as is_head_buyers,
        bool_or(is_head_non_buyers) as is_head_non_buyers
    from texted
    group by portal, phone
),

compared as (
    select
        *,
        is_base_buyers or is_base_non_buyers as is_texted_by_base,
        is_head_buyers or is_head_non_buyers as is_texted_by_head
    from phones
)

select * from compared

-- The fates in order: the reasons of both builds by R13, then the others. A
-- reason is guarded if either build guards it. One row per fate.
create temp table fates as
with

reasons as (
    select * from base.seeds.exclusion_reasons
    union all
    select * from head.seeds.exclusion_reasons
),

other_fates as (
    select
        unnest(['exported', 'not_written', 'no_candidate']) as fate,
        unnest([1, 2, 3]) as place
),

fates as (
    select
        reason as fate,
        min(precedence) as precedence,
        bool_or(is_guarded) as is_guarded
    from reasons
    group by reason

    union all

    select
        fate,
        1000 + place as precedence,
        false as is_guarded
    from other_fates
)

select * from fates

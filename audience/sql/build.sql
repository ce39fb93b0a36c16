-- The build that a database holds, and whether its record is complete and does
-- not contradict itself. One row.
with

build as (
    select
        *,
        case when json_valid(variables) then variables ->> 'audience' end
            as audience
    from {{ build }}.run.build
)

select
    run_id,
    code_version,
    variables,
    load_id,
    strftime(as_of, '%Y-%m-%dT%H:%M:%S.%fZ') as as_of,
    obstacle,
    coalesce(
        run_id != ''
        and code_version != ''
        and audience is not null
        and has_passed = (obstacle is null)
        and (not has_passed or (load_id != '' and as_of is not null)),
        false
    ) as is_whole
from build

-- The build that a database holds: one row, if the record is complete.
select
    run_id,
    code_version,
    variables,
    load_id,
    strftime(as_of, '%Y-%m-%dT%H:%M:%S.%fZ') as as_of,
    has_passed,
    obstacle
from {{ build }}.run.build

-- What a database says of the build that it holds: one row, if it is whole.
select
    run_id,
    code_version,
    variables,
    load_id,
    strftime(as_of, '%Y-%m-%dT%H:%M:%S.%fZ') as as_of,
    has_passed,
    obstacle
from {{ build }}.run.build

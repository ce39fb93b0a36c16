-- The time that the build judges by. One row.
select strftime(as_of, '%Y-%m-%dT%H:%M:%SZ') as as_of
from intermediate.int_run

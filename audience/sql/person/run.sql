-- The times that the build judges by. One row.
select
    load_id,
    as_of,
    oldest_consent_at
from {{ build }}.intermediate.int_run

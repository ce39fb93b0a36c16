-- Since when an address is suppressed, by the portals' regions; no row if it
-- is not.
select max(suppressed_at) as suppressed_at
from {{ build }}.intermediate.int_suppressions
where
    channel = getvariable('channel')
    and address = getvariable('address')
having count(*) > 0

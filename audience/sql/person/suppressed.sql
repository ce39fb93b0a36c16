-- Since when an address is on the suppression list, by the portals' regions. No
-- row: it is not.
select max(suppressed_at) as suppressed_at
from {{ build }}.intermediate.int_suppressions
where
    channel = getvariable('channel')
    and address = getvariable('address')
having count(*) > 0

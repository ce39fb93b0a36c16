-- Whether two values are written differently: files have nothing where there is
-- no value.
create temp macro differ(one, other) as coalesce(one, '') != coalesce(other, '')

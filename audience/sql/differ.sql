-- Whether two values are written differently. Files do not distinguish null
-- from an empty text.
create temp macro differ(one, other) as coalesce(one, '') != coalesce(other, '')

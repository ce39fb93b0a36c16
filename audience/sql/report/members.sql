-- The columns of a candidate that the other queries read. A candidate of an
-- audience that the variable `audience` leaves out is in no file.
create or replace temp view members as
select
    portal,
    job_uuid,
    job_name,
    subject_uuid,
    phone_number,
    audience,
    exclusion_reason,
    is_exported
    and list_contains(getvariable('audiences'), audience) as is_written
from marts.audience_members

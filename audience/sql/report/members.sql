-- What the other queries ask of a candidate. Who is exported is in no file
-- where the variable `audience` leaves out the audience.
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

"""The floor under a build: the same files, joins, ranks and sorted CSVs in plain SQL.

It has no contract, reads no phone as libphonenumber does, and keeps nothing. So no
build can be as fast, but a good one is not many times slower.

    python -m tests.bench.floor LANDING FOLDER
"""

import sys
from pathlib import Path

import duckdb

STEPS = """
create table subjects as
select * from read_parquet($load || '/subjects.parquet')
qualify row_number() over (
    partition by job_uuid, subject_uuid order by listed_in, position
) = 1;

create table routes as
select
    job_uuid, subject_uuid, 1 as route, users.phone_number as phone_text,
    coalesce(users.email_address, registrations.email) as email_text, user_uuid
from read_parquet($load || '/registrations.parquet') as registrations
left join read_parquet($load || '/users.parquet') as users using (user_uuid)
union all
select
    job_uuid, subject_uuid, 2, delivery_1.mobile_phone, delivery_1.email_address, null
from subjects
union all
select
    job_uuid, subject_uuid, 3, delivery_2.mobile_phone, delivery_2.email_address, null
from subjects
union all
select job_uuid, subject_uuid, 4, phone_number, email, null from subjects;

create table contacts as
select
    job_uuid,
    subject_uuid,
    min_by(phone, route) filter (where phone is not null) as phone,
    min_by(lower(trim(email_text)), route) filter (where email_text like '%@%')
        as email,
    min(user_uuid) as user_uuid
from (
    select
        *,
        '+1' || nullif(right(regexp_replace(phone_text, '[^0-9]', '', 'g'), 10), '')
            as phone
    from routes
)
group by job_uuid, subject_uuid;

create table members as
select
    subjects.*,
    contacts.phone,
    contacts.email as address,
    contacts.user_uuid,
    jobs.name as job_name,
    access_keys.access_keys[1] as code,
    images.activity_uuid as activity,
    activities.name as activity_name,
    activities.starting,
from subjects
inner join (
    select distinct job_uuid, image_uuid, activity_uuid
    from read_parquet($load || '/images.parquet')
) as images
    on subjects.job_uuid = images.job_uuid
    and subjects.image_uuids[1] = images.image_uuid
inner join read_parquet($load || '/activities.parquet') as activities
    on images.activity_uuid = activities.activity_uuid
    and images.job_uuid = activities.job_uuid
inner join contacts
    on subjects.job_uuid = contacts.job_uuid
    and subjects.subject_uuid = contacts.subject_uuid
inner join read_parquet($load || '/jobs.parquet') as jobs
    on subjects.job_uuid = jobs.job_uuid
left join read_parquet($load || '/access_keys.parquet') as access_keys
    on subjects.job_uuid = access_keys.job_uuid
    and subjects.subject_uuid = access_keys.subject_uuid
qualify row_number() over (
    partition by images.activity_uuid, subjects.subject_uuid
    order by activities.starting, subjects.job_uuid
) = 1
"""
AUDIENCE = """
copy (
    select
        job_uuid, job_name, subject_uuid, external_id, first_name, last_name,
        delivery_1.name as parent_name, phone, address, country, group_name, code,
        'https://example.org/gallery/' || subject_uuid as url,
        'https://example.org/?code=' || code as custom_gallery_url,
        sms_marketing_consent, starting, activity, activity_name, user_uuid
    from members
    where listed_in = '{audience}' and phone is not null
    order by job_uuid, activity, subject_uuid
) to '{folder}/{audience}.csv' (format csv, header true)
"""


def main() -> None:
    """Build both audiences of a landing with one portal."""
    landing, folder = (Path(argument) for argument in sys.argv[1:])
    [load] = (landing / "current").glob("portal=*")
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        for step in STEPS.split(";"):
            connection.execute(step.replace("$load", f"'{load}'"))
        for audience in ("buyers", "non_buyers"):
            connection.execute(AUDIENCE.format(audience=audience, folder=folder))


if __name__ == "__main__":
    main()

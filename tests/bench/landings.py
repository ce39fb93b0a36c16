"""Landings of any size, as docs/landing.md has them, the same on every machine.

Families of one to two subjects, their phones in six spellings, one in twenty-five of
them no phone; every third family bought. For measuring builds, not for judging rows.
"""

import json
from pathlib import Path

import duckdb
import yaml

from common.files import PRIVATE_FOLDER
from common.phones import textable_phone

PORTAL = "sandbox1"
SUBJECTS_A_JOB = 500
AS_OF = "2026-10-31T00:00:00.000000Z"
SOURCES = Path("models/staging/portal/_portal__sources.yml")
# Four million numbers of the exchange code 555: the fictional ones, a hundred an area
# code, would repeat so often that parsing phones cost nothing.
AREA_CODES = [
    code for code in range(200, 1000) if textable_phone(f"{code}5550100", "US")
]

# Two in five subjects share their parents with the one before.
PEOPLE = f"""
    create table people as
    select
        s,
        (hash(s) % 1000000007)::bigint as h,
        s - (s % 5 = 1)::bigint as family,
        md5('j' || s // {SUBJECTS_A_JOB}) as job_uuid,
        md5('s' || s) as subject_uuid,
        s % {SUBJECTS_A_JOB} as position,
        concat(
            {AREA_CODES}[1 + family % {len(AREA_CODES)}], 555,
            lpad((family // {len(AREA_CODES)} % 10000)::varchar, 4, '0')
        ) as digits
    from range($subjects) as t (s)
"""
PHONE = """
    case h % 6
        when 0 then digits
        when 1 then '+1' || digits
        when 2 then concat('(', digits[1:3], ') ', digits[4:6], '-', digits[7:10])
        when 3 then concat(digits[1:3], '-', digits[4:6], '-', digits[7:10])
        when 4 then concat(digits[1:3], '.', digits[4:6], '.', digits[7:10])
        else '1 ' || digits
    end
"""
ROWS = {
    "activities": """
        select distinct
            md5('a' || job_uuid) as activity_uuid,
            'Photo day' as name,
            concat('2026-0', 1 + s // $subjects_a_job % 9, '-15T08:00:00Z') as starting,
            job_uuid,
            'School' as job_name,
            s // $subjects_a_job as position
        from people
    """,
    "jobs": "select distinct job_uuid, 'School' as name, false as is_gone from people",
    "images": """
        select
            job_uuid,
            md5('i' || s) as image_uuid,
            md5('a' || job_uuid) as activity_uuid,
            position
        from people
    """,
    "subjects": f"""
        select
            job_uuid,
            subject_uuid,
            if(family % 3 = 0, 'buyers', 'non_buyers') as listed_in,
            position,
            (1000 + s)::varchar as external_id,
            ['Anna', 'José', 'Zoë', 'Liam', 'Mia', 'Noah'][1 + h % 6] as first_name,
            'Family ' || family % 50000 as last_name,
            'Grade ' || (1 + h % 12) as group_name,
            'USA' as country,
            {{
                'name': 'Parent ' || family % 50000,
                'email_address': 'p' || family || '@example.org',
                'mobile_phone': if(h % 25 = 0, 'call mom', {PHONE})
            }} as delivery_1,
            if(h % 2 = 0, {{
                'name': 'Other ' || family % 50000,
                'email_address': 'o' || family || '@example.org',
                'mobile_phone': digits
            }}, null) as delivery_2,
            if(h % 10 = 0, 'SUBSCRIBE', null) as sms_marketing_consent,
            if(h % 10 = 0, concat('2026-09-0', 1 + h % 9), null)
                as sms_marketing_timestamp,
            [md5('i' || s)] as image_uuids,
            json_object('uuid', subject_uuid)::varchar as payload
        from people
    """,
    "registrations": """
        select
            job_uuid,
            subject_uuid,
            md5('u' || family) as user_uuid,
            concat('u', family, '@example.org') as email,
            position
        from people
        where family % 3 = 1
    """,
    "users": """
        select distinct
            md5('u' || family) as user_uuid,
            'User ' || family as name,
            concat('u', family, '@example.org') as email_address,
            false as is_gone
        from people
        where family % 3 = 1
    """,
    "access_keys": """
        select
            job_uuid,
            subject_uuid,
            [upper(left(md5('k' || s), 8))] as access_keys
        from people
    """,
}


def columns() -> dict[str, str]:
    """Return the columns of each file with their types, as the models read them."""
    tables = yaml.safe_load(SOURCES.read_text())["sources"][0]["tables"]
    return {
        table["name"]: ", ".join(
            f"{column['name']} {column['data_type']}"
            for column in table["columns"]
            if "data_type" in column
        )
        for table in tables
    }


def write_landing(landing: Path, subjects: int) -> None:
    """Write a load with that many subjects, and make it the current one."""
    load_id = f"20261031T000000000000Z-{subjects % 2**32:08x}"
    folder = landing / "loads" / load_id
    files = folder / f"portal={PORTAL}"
    files.mkdir(PRIVATE_FOLDER, parents=True)
    with duckdb.connect() as connection:
        connection.execute(PEOPLE, {"subjects": subjects})
        for entity, types in columns().items():
            if entity not in ROWS:
                continue
            connection.execute(f"create table {entity} ({types})")
            rows = ROWS[entity].replace("$subjects_a_job", str(SUBJECTS_A_JOB))
            connection.execute(
                f"insert into {entity} by name"
                f" select *, '{AS_OF}'::timestamptz as fetched_at from ({rows})"
            )
            # In the order of the rows, so that two landings are alike to the byte.
            connection.execute(
                f"copy (from {entity} order by all)"
                f" to '{files / entity}.parquet' (format parquet)"
            )
            connection.execute(f"drop table {entity}")
    description = {"load_id": load_id, "extracted_at": AS_OF, "portals": {PORTAL: {}}}
    (folder / "load.json").write_text(json.dumps(description))
    (landing / "current").symlink_to(Path("loads") / load_id)

"""`make bench-diff`: how long `sms audience diff` takes over two builds of a million.

Prints the seconds of the whole command, each database in a file, and of a plain full
outer join of their keys in DuckDB, and the ratio of the two.
"""

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from tests.audience.builds import MARKER, create_relations, insert

CANDIDATES = 1_000_000
TIMES = 3
KEY = "portal, job_uuid, activity_uuid, subject_uuid"
# Fates by the number of the candidate; head lets other ones in, out and over.
BUYS = {"base": "i % 4 = 0", "head": "i % 4 = 0 and i % 1000 > 8"}
REASON = {
    "base": """case when i % 10 = 0 then 'no_images' when i % 17 = 0 then 'suppressed'
        when i % 23 = 0 then 'duplicate' end""",
    "head": """case when i % 11 = 0 then 'no_images' when i % 17 = 0 then 'suppressed'
        when i % 29 = 0 then 'duplicate' end""",
}
LAST_NAME = {"base": "'Name' || (i % 7777)", "head": "'Name' || (i % 7776)"}


def write_synthetic(path: Path, side: str) -> None:
    """Write a build of synthetic candidates, in another order for each side."""
    with duckdb.connect(path) as connection:
        create_relations(connection)
        insert(connection, "run.build", [MARKER])
        connection.execute(f"""
            insert into marts.audience_members by name
            with numbered as (
                select
                    range as i,
                    {BUYS[side]} as buys,
                    {REASON[side]} as exclusion_reason,
                    md5('subject ' || range) as subject_uuid
                from (select range, range as i from range({CANDIDATES}))
            )
            select
                'portal' || (i % 9) as portal,
                md5('job ' || (i // 2000)) as job_uuid,
                'Job ' || (i // 2000) as job_name,
                subject_uuid,
                'E' || i as external_id,
                'First' || (i % 1000) as first_name,
                {LAST_NAME[side]} as last_name,
                'Parent' || (i % 5555) as parent_name,
                '+1202' || (1000000 + i * 7 % 800000) as phone_number,
                'mail' || (i * 7 % 800000) || '@example.com' as email,
                'USA' as country,
                'Group ' || (i % 30) as group_name,
                case when buys then 'Yes' else 'No' end as buyer,
                'K' || i as access_code,
                'https://p.example/gallery/' || subject_uuid as url,
                'https://p.example/?code=K' || i as custom_gallery_url,
                'SUBSCRIBE' as sms_marketing_consent,
                '2026-09-01T00:00:00Z' as sms_marketing_timestamp,
                'SUBSCRIBE' as sms_transactional_consent,
                '2026-09-01T00:00:00Z' as sms_transactional_timestamp,
                md5('activity ' || (i // 1000)) as activity_uuid,
                'Activity ' || (i // 1000) as activity_name,
                'No' as registered_user,
                'direct' as resolution_strategy,
                case when buys then 'buyers' else 'non_buyers' end as audience,
                exclusion_reason,
                exclusion_reason is null as is_exported
            from numbered
            order by hash(subject_uuid || '{side}')
        """)
        connection.execute(f"""
            insert into intermediate.int_candidate_reasons by name
            select {KEY}, exclusion_reason from marts.audience_members
            where not is_exported
        """)
        connection.execute("""
            insert into intermediate.int_route_suppressions by name
            select
                portal, job_uuid, subject_uuid, 'sms' as channel,
                phone_number as address, exclusion_reason = 'suppressed'
                    is true as is_suppressed
            from marts.audience_members cross join range(3)
        """)


def seconds_of_diff(base: Path, head: Path) -> float:
    """Run the command with all its outputs."""
    command = (Path(sys.executable).parent / "sms", "audience", "diff", base, head)
    outputs = ("--md", base.with_suffix(".md"), "--json", base.with_suffix(".json"))
    began = time.perf_counter()
    done = subprocess.run(
        [*command, *outputs, "--examples", "3"], stdout=subprocess.PIPE, check=False
    )
    if done.returncode not in (0, 1):
        raise SystemExit(f"sms audience diff: exit {done.returncode}")
    return time.perf_counter() - began


def seconds_of_join(base: Path, head: Path) -> float:
    """Join the keys of both builds and nothing else."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{base}' as base (read_only)")
        connection.execute(f"attach '{head}' as head (read_only)")
        began = time.perf_counter()
        connection.execute(f"""
            select count(base.is_exported), count(head.is_exported)
            from base.marts.audience_members as base
            full outer join head.marts.audience_members as head using ({KEY})
        """).fetchall()
        return time.perf_counter() - began


def main() -> None:
    """Measure a few times and print the best."""
    with TemporaryDirectory() as folder:
        base, head = (Path(folder) / f"{side}.duckdb" for side in ("base", "head"))
        write_synthetic(base, "base")
        write_synthetic(head, "head")
        whole = min(seconds_of_diff(base, head) for _ in range(TIMES))
        join = min(seconds_of_join(base, head) for _ in range(TIMES))
    print(  # noqa: T201
        f"{CANDIDATES:,} candidates: audience diff {whole:.2f} s, a plain full outer "
        f"join {join:.2f} s, ratio {whole / join:.1f}"
    )


if __name__ == "__main__":
    main()

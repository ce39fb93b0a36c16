"""How much longer a build takes with 100,000 entries over 1,000 segments.

`EXPORT_ROOT=... python -m tests.suppressions.bench_ledger` fills a root below
EXPORT_ROOT. There and in an empty one it does, in new processes, all that a build does
with the ledger: it records a list of 1,000 stops and writes, audits and promotes a run.
The models are left out.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import yaml

from ops.build import suppressions
from ops.build.invocation import Invocation, read_invocation
from publish.root import Root
from publish.run import (
    export_begin,
    export_finish,
    export_staging_path,
    export_write,
)
from publish.settings import export_root
from publish.suppressions import ledger
from publish.suppressions.entries import START, STOP, Entry
from tests.suppressions.writing import HEADER, row

SEGMENTS, ENTRIES, LISTED, TRIES = 1_000, 100, 1_000, 5
BUILD = "build"
HEADER_OF_ROWS = "portal,job_uuid,activity_uuid,subject_uuid,phone_number\n"


def main() -> None:
    """Print the seconds of a build in both roots, the best of five."""
    address = os.environ["EXPORT_ROOT"]
    full = _use(f"{address}/full")
    with ledger._recording(full):
        found = ledger.read_ledger(full)
        for number in range(SEGMENTS - len(found.segments)):
            entries = [_entry(number * ENTRIES + n) for n in range(ENTRIES)]
            found = ledger._add(full, found, entries, datetime.now(UTC))
    print(f"{len(found.entries):,} entries, {len(found.segments):,} segments")  # noqa: T201
    print(f"load average: {os.getloadavg()[0]:.1f}")  # noqa: T201
    with TemporaryDirectory() as folder:
        path = Path(folder) / "list.csv"
        stops = (row(f"+1206555{n:04}", "2026-01-01") for n in range(LISTED))
        path.write_text(HEADER + "".join(stops))
        environment = os.environ | {"SUPPRESSIONS_CSV": str(path)}
        seconds = {
            name: _best(environment | {"EXPORT_ROOT": f"{address}/{name}"})
            for name in ("empty", "full")
        }
    for name, (wall, cpu) in seconds.items():
        print(f"{name}: {wall:.2f} s, CPU {cpu:.2f} s")  # noqa: T201
    wall, cpu = (full - empty for empty, full in zip(*seconds.values(), strict=True))
    print(f"more: {wall:.2f} s, CPU {cpu:.2f} s")  # noqa: T201


def _best(environment: dict[str, str]) -> tuple[float, float]:
    command = [sys.executable, "-m", "tests.suppressions.bench_ledger", BUILD]
    done = [
        subprocess.run(command, env=environment, capture_output=True, check=True)
        for _ in range(TRIES)
    ]
    found = [json.loads(process.stdout) for process in done]
    return min(wall for wall, _ in found), min(cpu for _, cpu in found)


def build() -> None:
    """Do what a build does, and print its seconds and those of the processor."""
    now = datetime.now(UTC)
    run_id = f"{now:%Y%m%dT%H%M%S%f}Z-00000000"
    began = time.perf_counter(), time.process_time()
    with duckdb.connect() as data:
        export_begin()
        taken = suppressions.take(data, _invocation(run_id))
        path = export_staging_path(run_id, "suppressions.csv")
        rows = data.execute(
            f"copy (from landing.suppressions order by all) to '{path}' (header)"
        ).fetchall()[0][0]
        export_write(run_id, "suppressions.csv", rows)
        Path(export_staging_path(run_id, "p/buyers.csv")).write_text(HEADER_OF_ROWS)
        export_write(run_id, "p/buyers.csv", 0)
    facts = {
        "run_id": run_id,
        "load_id": "load",
        "as_of": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "code_version": "0",
        "variables": {},
        "files": [
            {"path": "suppressions.csv", "rows": rows},
            {"path": "p/buyers.csv", "rows": 0},
        ],
        "counts": [],
        "promote": True,
        "suppressions": asdict(taken.facts),
    }
    export_finish(json.dumps(facts))
    spent = time.perf_counter() - began[0], time.process_time() - began[1]
    print(json.dumps(spent))  # noqa: T201


def _invocation(run_id: str) -> Invocation:
    return read_invocation(
        json.dumps(
            {
                "run_id": run_id,
                "command": BUILD,
                "environment": "dev",
                "is_partial": False,
                "given": [],
                "variables": yaml.safe_dump({"allow_unreadable": 0}),
                "contracts": [],
                "selected": [],
                "results": [],
            }
        )
    )


def _use(address: str) -> Root:
    os.environ["EXPORT_ROOT"] = address
    return export_root()


def _entry(number: int) -> Entry:
    at = f"2025-{number % 12 + 1:02}-{number % 28 + 1:02}T10:00:{number % 60:02}Z"
    action = START if number % 10 == 1 else STOP
    recorded = "2026-01-01T00:00:00Z"
    if number % 2:
        phone = f"+1206555{number % 10_000:04}"
        return Entry("sms", phone, action, at, "STOP", f"list {number}", recorded)
    email = f"parent{number}@example.com"
    return Entry("email", email, STOP, at, "STOP", "list", recorded)


if __name__ == "__main__":
    build() if BUILD in sys.argv else main()

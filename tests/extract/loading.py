"""Make loads, in this process or by the command, and read what they landed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from common.seeds import COLUMNS
from extract.carry import Reuse
from extract.client import Ask, Credentials, Patience
from extract.landing import SCHEMA
from extract.load import Limits, Plan, run
from extract.logs import open_log
from extract.portals import Portal
from extract.urls import split_base_url
from tests.extract.fake_portal import FakePortal

USERNAME = "canary-user"
PASSWORD = "canary-password-7f3a"
SECRETS = (PASSWORD, "Y2FuYXJ5LXVzZXI6Y2FuYXJ5LXBhc3N3b3JkLTdmM2E=")
IMPATIENT = Patience(
    attempts=4,
    first_wait=0.01,
    longest_wait=0.05,
    default_pause=0.05,
    longest_pause=2,
    request_deadline=5,
    details_deadline=5,
)
ROWS = [entity for entity in SCHEMA if entity != "quarantine"]
NO_TIME = timedelta()
NOTHING_REUSED = Reuse(NO_TIME, NO_TIME, NO_TIME)
SOURCE = Path(__file__).parents[2]
SMS = Path(sys.executable).with_name("sms")


def portal_at(base_url: str, key: str = "studio", brand: str = "Studio") -> Portal:
    """Return the portal that a seed would have for a base URL."""
    return Portal(key, base_url, brand, *split_base_url(base_url))


def ask(base_url: str, key: str = "studio", rate: int = 0) -> Ask:
    """Return what a plan asks of one portal."""
    return Ask(portal_at(base_url, key), Credentials(USERNAME, PASSWORD), rate)


def load(
    base_url: str,
    landing: Path,
    *,
    key: str = "studio",
    jobs: tuple[str, ...] = (),
    rate: int = 0,
    concurrency: int = 8,
    reuse: Reuse | None = None,
    limits: Limits | None = None,
    **patience: Any,
) -> dict[str, Any]:
    """Make a load of one portal in this process; return its facts."""
    plan = Plan(
        asks=[ask(base_url, key, rate)],
        landing=landing,
        concurrency=concurrency,
        jobs=frozenset(jobs),
        patience=replace(IMPATIENT, **patience),
        reuse=reuse or Reuse(),
        limits=limits or Limits(),
    )
    return run(plan, open_log("json"))


def landed(landing: Path, entity: str, portal: str = "studio") -> list[dict[str, Any]]:
    """Return an entity's rows of the current load, in their order."""
    path = landing / "current" / f"portal={portal}" / f"{entity}.parquet"
    found = engine().execute(f"select * from read_parquet('{path}')")
    names = [column[0] for column in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@cache
def engine() -> duckdb.DuckDBPyConnection:
    """Open the engine that reads landed files; it caches none of them."""
    options: dict[str, Any] = {"enable_external_file_cache": False}
    connection = duckdb.connect(config=options)
    connection.execute("set TimeZone = 'UTC'")
    return connection


def shown(landing: Path, entity: str, portal: str = "studio") -> list[str]:
    """Return an entity's rows of the current load as sorted texts."""
    return sorted(map(repr, landed(landing, entity, portal)))


def rewrite(
    landing: Path, entity: str, replaced: str, portal: str = "studio", where: str = ""
) -> None:
    """Rewrite an entity's rows of the current load with some columns replaced."""
    path = landing / "current" / f"portal={portal}" / f"{entity}.parquet"
    fresh = path.with_suffix(".new")
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(
            f"copy (select * replace ({replaced}) from read_parquet('{path}', "
            f"hive_partitioning = false) {where}) to '{fresh}' (format parquet)"
        )
    fresh.rename(path)


def without_times(landing: Path, portal: str = "studio") -> dict[str, list[str]]:
    """Return all rows of the current load without their times."""
    rows = {entity: landed(landing, entity, portal) for entity in ROWS}
    return {
        entity: sorted(repr({**row, "fetched_at": None}) for row in found)
        for entity, found in rows.items()
    }


def staged(landing: Path) -> list[str]:
    """Return the names of the folders in the staging area."""
    return sorted(one.name for one in (landing / ".staging").iterdir() if one.is_dir())


def rename_load(landing: Path, before: str, after: str) -> None:
    """Give the current load another id."""
    folder = (landing / "loads" / before).rename(landing / "loads" / after)
    facts = json.loads((folder / "load.json").read_text())
    (folder / "load.json").write_text(json.dumps(facts | {"load_id": after}))
    (landing / "current").unlink()
    (landing / "current").symlink_to(Path("loads") / after)


def project(folder: Path, *portals: FakePortal, brand: str = "Studio") -> Path:
    """Make a project whose seed has these portals: `studio0`, `studio1`, ..."""
    lines = [",".join(COLUMNS)]
    for number, portal in enumerate(portals):
        lines.append(f"studio{number},{portal.base_url},{brand},US,USA,webshop")
    (folder / "seeds").mkdir(parents=True)
    (folder / "seeds" / "portals.csv").write_text("\n".join(lines) + "\n")
    return folder


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a command with these settings only."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PORTAL_")}
    kept.pop("LANDING_DIR", None)
    return kept | more


def credentials() -> dict[str, str]:
    """Return the environment of a command with credentials."""
    return environment(PORTAL_USERNAME=USERNAME, PORTAL_PASSWORD=PASSWORD)


def start(folder: Path, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Start `sms extract` in a project's folder, loads without a rate."""
    options.setdefault("env", credentials())
    # A shell has what it runs in the background ignore this one, and so on down.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return subprocess.Popen(
        [SMS, "extract", *_at_full_speed(arguments)],
        cwd=folder,
        stdin=options.pop("stdin", subprocess.DEVNULL),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@dataclass(frozen=True)
class Ended:
    """The exit status of a command, its outputs, and its peak memory in bytes."""

    returncode: int
    stdout: str
    stderr: str
    memory: int

    @property
    def summary(self) -> dict[str, Any]:
        """Return the last line of the log."""
        return events(self.stdout)[-1]


@cache
def _forks() -> subprocess.Popen[str]:
    """Start the process that forks the commands; it ends with its standard input."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.extract.forked"],
        cwd=SOURCE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def extract(
    folder: Path,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    most_disk: int | None = None,
) -> Ended:
    """Run `sms extract` in a project's folder to its end, in a new process.

    No file that it writes may be larger than `most_disk`.
    """
    forks = _forks()
    with TemporaryDirectory() as outputs:
        asked = {
            "arguments": _at_full_speed(arguments),
            "folder": str(folder),
            "outputs": outputs,
            "environment": dict(credentials() if env is None else env),
            "most_disk": most_disk,
        }
        assert forks.stdin
        assert forks.stdout
        print(json.dumps(asked), file=forks.stdin, flush=True)
        status, kilobytes = json.loads(forks.stdout.readline())
        out, err = (Path(outputs, name).read_text() for name in ("out", "err"))
    return Ended(status, out, err, kilobytes * 1024)


def _at_full_speed(arguments: tuple[str, ...]) -> tuple[str, ...]:
    is_paced = arguments[0] != "load" or "--rate" in arguments
    return arguments if is_paced else (*arguments, "--rate", "0")


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a process."""
    process.send_signal(signal.SIGKILL)
    process.communicate()


def events(output: str) -> list[dict[str, Any]]:
    """Parse the log lines."""
    return [json.loads(line) for line in output.splitlines()]


def studio(subjects: int = 3) -> dict[str, Any]:
    """Return the routes of a portal of one job whose subjects are all reachable."""
    rows = [
        {"uuid": f"s{n}", "first_name": f"Canaryname{n}", "phone_number": phone(n)}
        for n in range(subjects)
    ]
    routes: dict[str, Any] = {
        "/activities/search": [activity("a1", "j1")],
        "/jobs/j1": {"uuid": "j1", "name": "Job one", "subjects": {}, "images": []},
        "/jobs/j1/subjects?" + query("true"): rows[:1],
        "/jobs/j1/subjects?" + query("false"): {"data": rows[1:]},
        "/jobs/j1/users": [{"subjectUuid": "s0", "userUuid": "u1", "email": EMAIL}],
        "/users/u1": {"uuid": "u1", "name": "Canaryparent", "email_address": EMAIL},
    }
    for row in rows:
        path = f"/jobs/j1/subjects/{row['uuid']}/accesskeys"
        routes[path] = [f"CANARYKEY-{row['uuid']}"]
    return routes


def school(count: int = 4) -> dict[str, Any]:
    """Return routes of jobs of two subjects; each has a user, and one is everyone's."""
    routes: dict[str, Any] = {
        "/activities/search": [activity(f"a{n}", f"j{n}") for n in range(count)],
        "/users/all": {"uuid": "all", "email_address": EMAIL},
    }
    for job in (f"j{n}" for n in range(count)):
        routes[f"/jobs/{job}"] = {"uuid": job, "name": job, "images": [{"uuid": "i"}]}
        routes[f"/jobs/{job}/subjects"] = [{"uuid": f"{job}-s{n}"} for n in range(2)]
        routes[f"/jobs/{job}/users"] = [
            {"subjectUuid": f"{job}-s0", "userUuid": f"{job}-u"},
            {"subjectUuid": f"{job}-s1", "userUuid": "all"},
        ]
        routes[f"/users/{job}-u"] = {"uuid": f"{job}-u", "email_address": EMAIL}
        for n in range(2):
            path = f"/jobs/{job}/subjects/{job}-s{n}/accesskeys"
            routes[path] = [f"CANARYKEY-{job}-{n}"]
    return routes


EMAIL = "canaryparent@example.com"
PERSONAL = ("Canaryname", "Canaryparent", "canaryparent@", "CANARYKEY", "202555")


def phone(number: int) -> str:
    """Return a fictional phone."""
    return f"202555{100 + number:04d}"


def activity(uuid: str, job: str) -> dict[str, Any]:
    """Return an activity on sale."""
    return {
        "uuid": uuid,
        "name": f"Activity {uuid}",
        "starting": "2026-01-02",
        "job": {"uuid": job, "name": f"Job {job}"},
    }


def query(has_order: str) -> str:
    """Return the query of an order list."""
    return (
        f"filter_has_order={has_order}&include_images=true&include_favorite_image=true"
    )

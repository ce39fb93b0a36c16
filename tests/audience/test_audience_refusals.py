"""Databases that cannot be compared: exit 3 and one line with the reason."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from audience.diff import SIDES
from tests.audience.builds import MARKER, insert, member, write_build
from tests.audience.commands import Outcome, audience

MEMBERS = "marts.audience_members"
HOLD = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


def refused(outcome: Outcome, message: str) -> None:
    """Check that a command ended with 3 and one line with this message."""
    assert outcome.status == 3
    assert outcome.output == ""
    assert outcome.errors.count("\n") == 1
    assert message in outcome.errors


def diffed(folder: Path, side: str, broken: Path) -> Outcome:
    """Compare a broken database with a good one."""
    good = write_build(folder / "good.duckdb", [member()])
    paths = (broken, good) if side == "base" else (good, broken)
    return audience("diff", *paths)


def no_file(path: Path) -> None:
    """Leave no file."""


def a_folder(path: Path) -> None:
    """Make a folder."""
    path.mkdir()


def an_empty_file(path: Path) -> None:
    """Make an empty file."""
    path.touch()


def a_text_file(path: Path) -> None:
    """Write a file that is not a database."""
    path.write_text("portal,phone_number\n" * 1000)


def half_a_file(path: Path) -> None:
    """Write half a database, as a stopped copy does."""
    write_build(path, [member()])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def a_damaged_file(path: Path) -> None:
    """Write a database whose header alone is intact."""
    write_build(path, [member(subject_uuid=str(n)) for n in range(5)])
    content = path.read_bytes()
    path.write_bytes(content[:12288] + b"\xff" * (len(content) - 12288))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (no_file, "there is no file"),
        (a_folder, "is a folder"),
        (an_empty_file, "is not a DuckDB database"),
        (a_text_file, "is not a DuckDB database"),
        (half_a_file, "cannot be read to the end"),
        (a_damaged_file, "is not a DuckDB database, or it is damaged"),
    ],
)
def test_a_missing_or_damaged_database(
    tmp_path: Path, side: str, make: Callable[[Path], None], message: str
) -> None:
    """A file that is missing, damaged or something else."""
    broken = tmp_path / "broken.duckdb"
    make(broken)
    outcome = diffed(tmp_path, side, broken)
    refused(outcome, message)
    assert outcome.errors.startswith(f"sms: {side}: ")


def test_a_database_in_use_by_a_build(tmp_path: Path) -> None:
    """Another process has it open for writing."""
    path = write_build(tmp_path / "used.duckdb", [member()])
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout and holder.stdin
    with holder:
        holder.stdout.readline()
        outcome = diffed(tmp_path, "head", path)
        refused(audience("explain", "--db", path, "--subject", "s1"), "is in use")
        holder.stdin.close()
    refused(outcome, "head: ")
    refused(outcome, "is in use, perhaps by a build")
    assert diffed(tmp_path / "..", "head", path).status == 0


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ({"obstacle": "it has not finished"}, "passed: it has not finished"),
        ({"obstacle": "1 did not pass: x (fail)"}, "passed: 1 did not pass: x (fail)"),
    ],
)
def test_a_build_that_has_not_passed(
    tmp_path: Path, side: str, marker: dict[str, Any], message: str
) -> None:
    """A failed or unfinished build leaves its tables."""
    about = {**marker, "has_passed": False, "load_id": None, "as_of": None}
    path = write_build(tmp_path / "failed.duckdb", [member()], marker=about)
    outcome = diffed(tmp_path, side, path)
    refused(outcome, message)
    assert f"sms: {side}: run {MARKER['run_id']}" in outcome.errors


@pytest.mark.parametrize(
    "marker",
    [
        {"variables": "no JSON"},
        {"variables": "[]"},
        {"variables": "{}"},
        {"variables": None},
        {"has_passed": None},
        {"has_passed": False},
        {"obstacle": "something"},
        {"load_id": None},
        {"as_of": None},
        {"run_id": ""},
    ],
    ids=str,
)
def test_a_contradictory_marker(tmp_path: Path, marker: dict[str, Any]) -> None:
    """A build that passed has all facts and no obstacle."""
    path = write_build(tmp_path / "odd.duckdb", [member()], marker=marker)
    refused(diffed(tmp_path, "base", path), "base: run.build is malformed")


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ({"load_id": "another"}, "differ in load: another and 2026"),
        (
            {"as_of": "2026-11-20 01:02:04"},
            "differ in as_of: 2026-11-20T01:02:04",
        ),
    ],
)
def test_builds_of_another_load_or_time(
    tmp_path: Path, marker: dict[str, Any], message: str
) -> None:
    """They would differ because of their data."""
    path = write_build(tmp_path / "other.duckdb", [member()], marker=marker)
    refused(diffed(tmp_path, "base", path), message)


BROKEN = [
    (f"drop table {MEMBERS}", f"{MEMBERS} is missing"),
    ("drop table run.build", "run.build is missing"),
    ("drop table seeds.exclusion_reasons", "seeds.exclusion_reasons is missing"),
    (
        "drop table intermediate.int_candidate_reasons",
        "intermediate.int_candidate_reasons is missing",
    ),
    (
        "drop table intermediate.int_route_suppressions",
        "intermediate.int_route_suppressions is missing",
    ),
    ("delete from run.build", "run.build is malformed: rows: 0"),
    ("insert into run.build from run.build", "run.build is malformed: rows: 2"),
    ("delete from seeds.exclusion_reasons", "seeds.exclusion_reasons is empty"),
    (f"delete from {MEMBERS}", f"{MEMBERS} is empty"),
    (
        f"alter table {MEMBERS} drop column email_2",
        f"{MEMBERS} is malformed: column email_2 is missing",
    ),
    (
        f"alter table {MEMBERS} alter phone_number type bigint",
        f"{MEMBERS} is malformed: column phone_number is BIGINT, not VARCHAR",
    ),
    *(
        (f"update {MEMBERS} set {change}", f"{MEMBERS} is malformed: rows without a")
        for change in (
            "portal = null",
            "job_uuid = ''",
            "subject_uuid = null",
            "activity_uuid = null",
            "audience = 'all'",
            "audience = null",
            "is_exported = false",
            "is_exported = null",
            "exclusion_reason = 'duplicate'",
            "is_exported = false, exclusion_reason = 'unheard_of'",
        )
    ),
    (
        f"insert into {MEMBERS} from {MEMBERS}",
        f"{MEMBERS} is malformed: keys of portal, job, activity and subject that",
    ),
]


@pytest.mark.parametrize(
    ("place", "change", "message"), [(n, *b) for n, b in enumerate(BROKEN)]
)
def test_malformed_relations(
    tmp_path: Path, place: int, change: str, message: str
) -> None:
    """Missing, empty, malformed, or with a repeated key; in base and head by turns."""
    side = SIDES[place % len(SIDES)]
    path = write_build(tmp_path / "broken.duckdb", [member()])
    with duckdb.connect(path) as connection:
        connection.execute(change)
    refused(diffed(tmp_path, side, path), f"{side}: {message}")


def test_an_obstacle_replaces_an_earlier_comparison(tmp_path: Path) -> None:
    """The earlier comment is replaced, and the obstacle cannot become markup."""
    marker = {
        "has_passed": False,
        "load_id": None,
        "obstacle": "<img src=x> @someone [x](http://x.example)",
    }
    path = write_build(tmp_path / "failed.duckdb", [member()], marker=marker)
    good = write_build(tmp_path / "good.duckdb", [member()])
    md, json_file = tmp_path / "o.md", tmp_path / "o.json"
    md.write_text("old")
    outcome = audience("diff", good, path, "--md", md, "--json", json_file)
    refused(outcome, "head: ")
    comment = md.read_text()
    assert comment.startswith("**The audiences cannot be compared**: head&#58; run")
    assert not set("<>@[]()/") & set(comment)
    assert '"is_comparable": false' in json_file.read_text()


def test_a_database_after_a_killed_write_is_read(tmp_path: Path) -> None:
    """Committed rows of a killed process count, and the file stays as it is."""
    path = write_build(tmp_path / "killed.duckdb", [member()])
    script = (
        "import duckdb, os, sys\n"
        "connection = duckdb.connect(sys.argv[1])\n"
        "connection.execute('update run.build set has_passed = false, "
        "obstacle = $$it was stopped$$')\n"
        "os._exit(1)\n"
    )
    subprocess.run([sys.executable, "-c", script, path], check=False)
    assert path.with_name("killed.duckdb.wal").exists()
    before = path.read_bytes()
    refused(diffed(tmp_path, "base", path), "it was stopped")
    assert path.read_bytes() == before


def test_an_error_quotes_no_value(tmp_path: Path) -> None:
    """The error counts rows and quotes none."""
    path = tmp_path / "broken.duckdb"
    write_build(path, [member()])
    with duckdb.connect(path) as connection:
        insert(connection, MEMBERS, [member(subject_uuid="s9", is_exported=None)])
    outcome = diffed(tmp_path, "base", path)
    refused(outcome, "reasons knows: 1")
    assert "555" not in outcome.errors

"""What a portal can do to a load: real `sms extract load` processes, real sockets.

The sandbox plays one fault after the other. After each, all of this holds: readers see
the load that was current before or a whole new one; where anything is missing, the
error says where; nothing personal is said; the next load, with nothing cleaned up, has
the rows of one that never met the fault; requests, memory and disk are bounded.
"""

import json
import shutil
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from extract.sandbox import generate, serve
from extract.sandbox.faults import ODD, playing
from tests.extract.fake_portal import serve_bytes, whole
from tests.extract.faulty import Stage, write_seed
from tests.extract.loading import PASSWORD, landed, without_times

TODAY = date(2026, 11, 20)
JOBS = 3
SUBJECTS = 3
# A whole load of this world makes 27.
MOST_REQUESTS = 60
JOB_ROWS = ("jobs", "images", "subjects", "registrations", "access_keys")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return a project that has landed an older world of its portal."""
    folder = tmp_path_factory.mktemp("prepared")
    old, new = (generate(JOBS, SUBJECTS, seed, TODAY) for seed in (2, 1))
    with serve(new, password=PASSWORD) as sandbox:
        write_seed(folder, f"{sandbox.url}/1/api/v1")
        stage = Stage(folder, sandbox, new, {})
        assert stage.load().returncode == 0
        rows = without_times(stage.landing)
        shutil.rmtree(stage.landing)
        assert replace(stage, world=old).load().returncode == 0
        yield replace(stage, rows=rows)


@pytest.fixture
def stage(prepared: Stage, tmp_path: Path) -> Stage:
    """Return the prepared project in the test's folder."""
    folder = tmp_path / "project"
    shutil.copytree(prepared.folder, folder, symlinks=True)
    return replace(prepared, folder=folder, said=[])


# Faults that stay


@dataclass(frozen=True)
class Stays:
    """A permanent fault: where it is played, and what the error must say."""

    fault: str
    says: str
    at: str | None = None
    options: tuple[str, ...] = ()
    requests: int = MOST_REQUESTS
    # All failures name the portal; those of one request say which it was.
    where: str = "portal studio, job "


FAILED = "the connection failed"
NO_JSON = "answered a body that is not JSON"
LATE = "no complete answer within 2 seconds"
ONCE = ("--attempts", "1", "--timeout", "2s")
START = "portal studio, GET /activities/search"
SHARE = "portal studio: "

STAY = [
    Stays("closed", FAILED),
    Stays("reset:60", FAILED),
    Stays("short", FAILED),
    Stays("truncated", NO_JSON),
    Stays("html", NO_JSON),
    Stays("status:500", "answered 500 (2 attempts)"),
    Stays("status:503", "answered 503 (2 attempts)"),
    Stays("throttled:86400", "answered 429 and asks to wait longer than 120 seconds"),
    Stays("throttled:date+86400", "asks to wait longer than 120 sec", "registrations"),
    Stays("dripping-head", LATE, options=ONCE),
    Stays("dripping-body", LATE, "activities", options=ONCE, where=START),
    Stays("silent", LATE, options=ONCE),
    Stays(
        "dripping-body",
        "longer than 1 seconds: portal studio (0 of ",
        "job",
        options=("--deadline", "1s"),
        where="the load took",
    ),
    Stays("status:401", "were refused (401)", "activities", where=START, requests=1),
    Stays("status:403", "were refused (403)", "activities", where=START, requests=1),
    Stays("status:401", "were refused (401)", "user", requests=27),
    Stays("status:403", "were refused (403)", "access-keys", requests=27),
    Stays("circle:1", "the pages form a loop"),
    Stays("circle:2", "the pages form a loop"),
    Stays("endless-pages", "more than 20 pages", requests=150),
    Stays("bomb", "answered more than 8,388,608 bytes", requests=27),
    Stays("endless", "answered more than 8,388,608 bytes", "user", requests=27),
    Stays("giant", "rows of subjects are quarantined, more than 1.00%", where=SHARE),
    Stays("dirt:no-uuid", "buyers/0: no subject uuid", where=SHARE),
    Stays("gone:2", "jobs are gone, more than 10%; first job ", where=SHARE),
]


@pytest.mark.parametrize(
    "row", STAY, ids=[f"{row.fault} {row.at or ''}".strip() for row in STAY]
)
def test_a_permanent_fault_is_an_error_and_leaves_the_landing_unchanged(
    stage: Stage, row: Stays
) -> None:
    before = stage.current
    ended = stage.load(playing(row.fault, row.at), options=row.options)
    assert ended.returncode == 20, ended.stderr
    assert ended.stderr.startswith(f"sms: {row.where}")
    assert row.says in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert ended.summary["event"] == "load_failed"
    assert stage.sandbox.requests <= row.requests
    stage.assert_current(before)
    stage.assert_recovers()


def test_a_portal_that_goes_down_is_an_error_until_it_is_back(
    stage: Stage,
) -> None:
    before = stage.current
    with serve(stage.world, password=PASSWORD) as sandbox:
        write_seed(stage.folder, f"{sandbox.url}/1/api/v1")
        here = replace(stage, sandbox=sandbox)
        # One connection: it breaks off, and there is no other.
        fault = playing("refused", "registrations")
        ended = here.load(fault, options=("--concurrency", "1"))
    assert ended.returncode == 20
    assert "job " in ended.stderr
    assert "it refused the connection (2 attempts)" in ended.stderr
    stage.assert_current(before)
    gone = here.load()
    assert (gone.returncode, sandbox.requests) == (20, 0)
    with serve(stage.world, sandbox.port, password=PASSWORD) as sandbox:
        replace(here, sandbox=sandbox).assert_recovers()


# Links elsewhere

ELSEWHERE = {
    "another port": "{other}/1/api/v1/x",
    "another host": "http://localhost:{port}/1/api/v1/x",
    "another scheme": "https://127.0.0.1:{port}/1/api/v1/x",
    "no scheme": "//localhost:{port}/1/api/v1/x",
    "a user": "http://someone:else@127.0.0.1:{port}/1/api/v1/x",
}


@pytest.mark.parametrize("link", ELSEWHERE.values(), ids=ELSEWHERE)
@pytest.mark.parametrize("fault", ["next", "redirect"])
def test_credentials_reach_only_the_portals_origin(
    stage: Stage, fault: str, link: str
) -> None:
    before = stage.current
    with serve_bytes(whole(b"[]")) as other:
        place = link.format(other=other.origin, port=stage.sandbox.port)
        ended = stage.load(playing(f"{fault}:{place}"))
        assert other.received == []
        # It would have heard of anything that was sent there.
        urllib.request.urlopen(f"{other.origin}/heard")
        assert len(other.received) == 1
    assert ended.returncode == 20
    assert "portal studio, job " in ended.stderr
    refused = {
        "next": "a next link that ",
        "redirect": "a redirect (302), which is not",
    }
    assert refused[fault] in ended.stderr
    assert "someone" not in ended.stderr
    # One for each list that was on its way, and none for what the links led to.
    assert stage.sandbox.requests <= 1 + JOBS + 3 * JOBS
    stage.assert_current(before)
    stage.assert_nothing_said()


# Faults that pass

BAD_NIGHT = (
    *("closed", "reset:60", "short", "truncated", "html"),
    *("status:500", "status:502", "status:503", "status:504"),
)


def test_a_transient_fault_leaves_no_trace(stage: Stage) -> None:
    night = [playing(fault, times=1) for fault in BAD_NIGHT]
    ended = stage.load(*night, options=("--attempts", "8"))
    assert ended.returncode == 0, ended.stderr
    assert [one.played for one in night] == [1] * len(night)
    assert ended.summary["retries"] == len(night)
    assert without_times(stage.landing) == stage.rows
    stage.assert_current(ended.summary["load_id"])
    stage.assert_nothing_said()


@pytest.mark.parametrize(
    "retry_after", ["1", "date+2", "date-3600", "soon", "-1", "1e9"]
)
def test_a_portal_can_ask_for_a_pause(stage: Stage, retry_after: str) -> None:
    ended = stage.load(playing(f"throttled:{retry_after}", "access-keys", 1))
    assert ended.returncode == 0, ended.stderr
    assert ended.summary["retries"] == 1
    assert without_times(stage.landing) == stage.rows


@pytest.mark.parametrize("fault", ["bom", "short-pages"])
def test_odd_but_valid_answers_change_nothing(stage: Stage, fault: str) -> None:
    ended = stage.load(playing(fault))
    assert ended.returncode == 0, ended.stderr
    assert without_times(stage.landing) == stage.rows


# Faults in what is said


@pytest.mark.parametrize("fault", ["overlapping", "repeated"])
def test_repeated_rows_are_landed_as_sent(stage: Stage, fault: str) -> None:
    """The models deduplicate repeated rows by their key."""
    assert stage.load(playing(fault)).returncode == 0
    subjects = {row["payload"] for row in landed(stage.landing, "subjects")}
    found = without_times(stage.landing)
    assert len(found["subjects"]) > len(stage.rows["subjects"])
    for entity in {*stage.rows} - {"subjects"}:
        assert found[entity] == stage.rows[entity]
    stage.assert_recovers()
    assert subjects == {row["payload"] for row in landed(stage.landing, "subjects")}


REFUSED = {
    "dirt:surrogate": "a lone surrogate, which UTF-8 cannot encode",
    "dirt:duplicate": "an object gives one key two values",
    "dirt:nan": "NaN is not a JSON number",
    "dirt:deep": "nested too deeply",
    "dirt:no-uuid": "no subject uuid",
    "giant": "larger than 4,194,304 bytes",
}


@pytest.mark.parametrize(("fault", "reason"), REFUSED.items(), ids=REFUSED)
def test_a_row_that_cannot_be_landed_is_counted_and_named(
    stage: Stage, fault: str, reason: str
) -> None:
    # The first list that is asked for has a row.
    ended = stage.load(playing(fault, times=1), options=("--concurrency", "1"))
    assert ended.returncode == 0, ended.stderr
    assert ended.summary["rows"]["quarantine"] == 1
    ((entity, key, why),) = (
        (row["entity"], row["key"], row["reason"])
        for row in landed(stage.landing, "quarantine")
    )
    assert (entity, why) == ("subjects", reason)
    assert key.endswith("buyers/0")
    found = without_times(stage.landing)
    assert len(found["subjects"]) == len(stage.rows["subjects"]) - 1
    assert {*found["subjects"]} < {*stage.rows["subjects"]}
    stage.assert_recovers()


KEPT = {
    "dirt:nul": r'"note":"a\u0000b"',
    "dirt:huge": '"price":1' + "0" * 400 + ".5e999",
    "dirt:new": '"shoe_size":{"eu":[41,null]}',
    "retyped": '"phone_number":{"n":1}',
}


@pytest.mark.parametrize(("fault", "kept"), KEPT.items(), ids=KEPT)
def test_rows_that_can_be_landed_are_unchanged(
    stage: Stage, fault: str, kept: str
) -> None:
    ended = stage.load(playing(fault))
    assert ended.returncode == 0, ended.stderr
    assert ended.summary["rows"]["quarantine"] == 0
    payloads = [row["payload"] for row in landed(stage.landing, "subjects")]
    assert sum(kept in payload for payload in payloads) >= 5
    stage.assert_recovers()


def test_a_gone_job_is_recorded_and_the_load_continues(stage: Stage) -> None:
    ended = stage.load(playing("gone"))
    assert ended.returncode == 0, ended.stderr
    assert ended.summary["gone_jobs"] == 1
    jobs = {row["job_uuid"]: row["is_gone"] for row in landed(stage.landing, "jobs")}
    assert sorted(jobs.values()) == [False, False, True]
    (gone,) = (job for job, is_gone in jobs.items() if is_gone)
    found = without_times(stage.landing)
    for entity in ("images", "subjects", "registrations", "access_keys"):
        there = [row for row in stage.rows[entity] if gone not in row]
        assert found[entity] == there
    stage.assert_recovers()


def test_a_subject_without_a_key_has_a_row(stage: Stage) -> None:
    assert stage.load(playing("status:404", "access-keys")).returncode == 0
    found = without_times(stage.landing)
    assert all("'access_keys': []" in row for row in found["access_keys"])
    assert len(found["access_keys"]) == len(stage.rows["access_keys"])
    for entity in {*stage.rows} - {"access_keys"}:
        assert found[entity] == stage.rows[entity]
    stage.assert_recovers()


def test_odd_ids_are_asked_for_and_landed_as_they_are(stage: Stage) -> None:
    ended = stage.load(playing("odd-ids"))
    assert ended.returncode == 0, ended.stderr
    stage.assert_current(ended.summary["load_id"])
    assert all(row["job_uuid"].endswith(ODD) for row in landed(stage.landing, "jobs"))
    for entity, rows in stage.rows.items():
        found = [without_odd(row) for row in landed(stage.landing, entity)]
        plain = sorted(repr(row | {"fetched_at": None}) for row in found)
        assert plain == rows
    stage.assert_recovers()


def without_odd(value: Any) -> Any:
    """Remove the odd ending of all ids, even in JSON text."""
    if isinstance(value, dict):
        return {key: without_odd(one) for key, one in value.items()}
    if isinstance(value, list):
        return [without_odd(one) for one in value]
    if isinstance(value, str):
        return value.replace(ODD, "").replace(json.dumps(ODD)[1:-1], "")
    return value


# Sizes


def test_a_portal_without_jobs_or_subjects_is_fine(stage: Stage) -> None:
    shutil.rmtree(stage.landing)
    for jobs in (0, 1):
        empty = replace(stage, world=generate(jobs, 0, 1, TODAY))
        ended = empty.load()
        assert ended.returncode == 0, ended.stderr
        assert ended.summary["jobs"] == jobs
        assert ended.summary["rows"]["access_keys"] == 0
        stage.assert_current(ended.summary["load_id"])


@pytest.mark.parametrize("jobs", [0, 1])
def test_a_load_with_far_fewer_subjects_is_held_back(stage: Stage, jobs: int) -> None:
    before = stage.current
    ended = replace(stage, world=generate(jobs, SUBJECTS, 1, TODAY)).load()
    assert ended.returncode == 10
    assert "studio" in ended.stderr
    stage.assert_current(before)
    stage.assert_recovers()


def test_a_job_of_ten_thousand_subjects_takes_no_more_memory(stage: Stage) -> None:
    count = 10_000
    job, subjects = "j1", [{"uuid": f"s{n}", "name": "Someone"} for n in range(count)]
    activity = {"uuid": "a1", "starting": "2026-01-02", "job": {"uuid": job}}
    portal = {
        "activities": [activity],
        "users": {},
        "jobs": {
            job: {
                "details": {"uuid": job},
                "buyers": subjects[:100],
                "non_buyers": subjects[100:],
                "registrations": [],
                "access_keys": {},
            }
        },
    }
    large = replace(stage, world={"portals": {"1": portal}})
    ended = large.load(options=("--max-pages", "200"))
    assert ended.returncode == 0, ended.stderr
    found = landed(stage.landing, "subjects")
    assert len({row["subject_uuid"] for row in found}) == count
    assert stage.sandbox.requests < 120

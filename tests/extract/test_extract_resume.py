"""What an interrupted load leaves, and which loads resume it."""

import asyncio
import json
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from common.errors import PortalError
from extract.carry import Reuse
from extract.load import Plan, run
from extract.logs import open_log
from extract.staging import WHOLE
from tests.extract.fake_portal import FakePortal, serve
from tests.extract.loading import (
    NO_TIME,
    PERSONAL,
    activity,
    ask,
    events,
    extract,
    kill,
    landed,
    load,
    project,
    school,
    staged,
    start,
    without_times,
)

BROKEN = "/jobs/j3/users"


def interrupt(portal: FakePortal, landing: Path, **options: Any) -> None:
    """Let a load fail in its last job; then forget the portal's requests."""
    answer, portal.routes[BROKEN] = portal.routes[BROKEN], 500
    with pytest.raises(PortalError, match="500"):
        load(portal.base_url, landing, concurrency=1, **options)
    portal.routes[BROKEN] = answer
    portal.seen.clear()


def jobs_asked(portal: FakePortal) -> set[str]:
    """Return the jobs that were asked for."""
    paths = (portal.path(one).split("/") for one in portal.seen)
    return {path[2] for path in paths if path[1] == "jobs"}


@pytest.fixture(scope="module")
def anew(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Return the rows of an uninterrupted load."""
    landing = tmp_path_factory.mktemp("anew")
    with serve(school()) as portal:
        load(portal.base_url, landing)
    return without_times(landing)


def test_a_load_resumes_where_another_stopped(
    tmp_path: Path, anew: dict[str, list[str]]
) -> None:
    with serve(school()) as portal:
        interrupt(portal, tmp_path)
        assert len(staged(tmp_path)) == 1
        facts = load(portal.base_url, tmp_path)
        assert jobs_asked(portal) == {"j3"}
        asked = {portal.path(one).partition("?")[0] for one in portal.seen}
    assert {path for path in asked if path.startswith("/users")} == {"/users/j3-u"}
    of_portal = facts["portals"]["studio"]
    assert (of_portal["resumed_jobs"], of_portal["resumed_users"]) == (3, 4)
    assert of_portal["asked"] == {"access_keys": 2, "users": 1}
    assert of_portal["carried"] == {"access_keys": 0, "users": 0}
    assert without_times(tmp_path) == anew
    assert staged(tmp_path) == []


def test_a_resumed_load_has_a_new_time(tmp_path: Path) -> None:
    with serve(school()) as portal:
        interrupt(portal, tmp_path)
        (interrupted,) = staged(tmp_path)
        facts = load(portal.base_url, tmp_path)
    assert facts["load_id"] > interrupted
    times = {row["job_uuid"]: row["fetched_at"] for row in landed(tmp_path, "jobs")}
    texts = {job: f"{at:%Y-%m-%dT%H:%M:%S.%fZ}" for job, at in times.items()}
    assert texts["j0"] < facts["extracted_at"] < texts["j3"]
    assert facts["current"]


def test_loads_that_stop_again_and_again_complete(tmp_path: Path) -> None:
    with serve(school()) as portal:
        for broken in ("/jobs/j1/users", "/jobs/j2", "/jobs/j3/subjects"):
            answer, portal.routes[broken] = portal.routes[broken], 500
            with pytest.raises(PortalError):
                load(portal.base_url, tmp_path, concurrency=1)
            portal.routes[broken] = answer
            assert len(staged(tmp_path)) == 1
        portal.seen.clear()
        facts = load(portal.base_url, tmp_path)
        assert jobs_asked(portal) == {"j3"}
    assert facts["portals"]["studio"]["resumed_jobs"] == 3
    assert facts["rows"]["users"] == 5
    assert staged(tmp_path) == []


def test_activities_are_always_read(tmp_path: Path) -> None:
    with serve(school()) as portal:
        interrupt(portal, tmp_path)
        # One job is off sale by now, another has a new activity.
        portal.routes["/activities/search"][0] = activity("new", "j2")
        facts = load(portal.base_url, tmp_path)
    names = {
        (row["activity_uuid"], row["job_uuid"])
        for row in landed(tmp_path, "activities")
    }
    assert names == {("new", "j2"), ("a1", "j1"), ("a2", "j2"), ("a3", "j3")}
    assert {row["job_uuid"] for row in landed(tmp_path, "subjects")} == {
        "j1",
        "j2",
        "j3",
    }
    assert {row["user_uuid"] for row in landed(tmp_path, "users")} == {
        *("all", "j1-u", "j2-u", "j3-u")
    }
    assert facts["portals"]["studio"]["resumed_jobs"] == 2


# What is not gone on with


def change_wanted(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    """Change what the interrupted load wanted."""

    def spoil(folder: Path) -> None:
        path = folder / "wanted.json"
        wanted = json.loads(path.read_text())
        change(wanted)
        path.write_text(json.dumps(wanted))

    return spoil


def for_each_job(change: Callable[[Path], Any]) -> Callable[[Path], None]:
    """Change each job that the interrupted load had read."""

    def spoil(folder: Path) -> None:
        wholes = [*folder.glob(f"rows/*/jobs/*/{WHOLE}")]
        assert len(wholes) == 3
        for whole in wholes:
            change(whole.parent)

    return spoil


def change_whole(**facts: Any) -> Callable[[Path], None]:
    """Change a job's own facts."""

    def change(job: Path) -> None:
        whole = json.loads((job / WHOLE).read_text())
        (job / WHOLE).write_text(json.dumps(whole | facts))

    return for_each_job(change)


def cut(name: str, kept: int) -> Callable[[Path], None]:
    """Truncate a file, as a power cut can."""

    def change(job: Path) -> None:
        content = (job / name).read_bytes()
        (job / name).write_bytes(content[:kept])

    return for_each_job(change)


def zero(job: Path) -> None:
    """Overwrite a file with zeros, as a power cut can."""
    path = job / "subjects.ndjson"
    path.write_bytes(bytes(path.stat().st_size))


SPOILS = {
    "other code": change_wanted(lambda wanted: wanted.update(code="x")),
    "torn wish": lambda folder: (folder / "wanted.json").write_text('{"co'),
    "no wish": lambda folder: (folder / "wanted.json").unlink(),
    "older": change_whole(read_at="2020-01-01T00:00:00.000000Z"),
    "future": change_whole(read_at="2999-01-01T00:00:00.000000Z"),
    "old keys": change_whole(oldest_carried="2020-01-01T00:00:00.000000Z"),
    "other job": change_whole(job="x"),
    "no rows": for_each_job(lambda job: (job / "subjects.ndjson").unlink()),
    "torn rows": cut("subjects.ndjson", 30),
    "zeros": for_each_job(zero),
    "torn description": cut(WHOLE, 30),
    "empty description": cut(WHOLE, 0),
}


@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS)
def test_an_incomplete_or_changed_job_is_read_again(
    tmp_path: Path, anew: dict[str, list[str]], spoil: Callable[[Path], None]
) -> None:
    with serve(school()) as portal:
        interrupt(portal, tmp_path)
        (folder,) = (tmp_path / ".staging").glob("2*")
        spoil(folder)
        facts = load(portal.base_url, tmp_path)
        assert jobs_asked(portal) == {"j0", "j1", "j2", "j3"}
    assert facts["portals"]["studio"]["resumed_jobs"] == 0
    assert without_times(tmp_path) == anew
    assert staged(tmp_path) == []


@pytest.mark.parametrize(
    "reuse",
    [Reuse(is_fresh=True), Reuse(resume_within=NO_TIME)],
    ids=["fresh", "within no time"],
)
def test_a_load_can_start_afresh(tmp_path: Path, reuse: Reuse) -> None:
    with serve(school()) as portal:
        interrupt(portal, tmp_path)
        facts = load(portal.base_url, tmp_path, reuse=reuse)
        assert jobs_asked(portal) == {"j0", "j1", "j2", "j3"}
    assert facts["portals"]["studio"]["asked"] == {"access_keys": 8, "users": 5}
    assert staged(tmp_path) == []


def test_other_loads_leave_an_interrupted_one_alone(tmp_path: Path) -> None:
    """Loads of other portals, addresses or jobs do not resume it."""
    with serve(school()) as portal, serve(school()) as other:
        interrupt(portal, tmp_path)
        left = staged(tmp_path)
        load(other.base_url, tmp_path)
        load(portal.base_url, tmp_path / "other")
        asks = [ask(other.base_url, "one"), ask(other.base_url, "two")]
        run(Plan(asks, tmp_path, 8), open_log("json"))
        assert jobs_asked(other) == {"j0", "j1", "j2", "j3"}
        assert staged(tmp_path) == left
        # Too old to be of use to anybody, it goes.
        short = Reuse(resume_within=timedelta(seconds=0.001))
        asks = [ask(other.base_url, "one")]
        run(Plan(asks, tmp_path, 8, reuse=short), open_log("json"))
        assert staged(tmp_path) == []


@pytest.mark.parametrize("restricted", [True, False])
def test_other_jobs_are_another_load(tmp_path: Path, restricted: bool) -> None:
    some: dict[str, Any] = {"jobs": ("j2", "j3")}
    first, second = (some, {}) if restricted else ({}, some)
    with serve(school()) as portal:
        interrupt(portal, tmp_path, **first)
        facts = load(portal.base_url, tmp_path, **second)
    assert facts["portals"]["studio"]["resumed_jobs"] == 0


def test_a_newer_complete_load_is_not_undone(tmp_path: Path) -> None:
    with serve(school()) as portal:
        interrupt(portal, tmp_path)
        load(portal.base_url, tmp_path, jobs=("j1",))
        portal.seen.clear()
        facts = load(portal.base_url, tmp_path)
        assert jobs_asked(portal) == {"j0", "j1", "j2", "j3"}
    assert facts["portals"]["studio"]["resumed_jobs"] == 0
    assert staged(tmp_path) == []


def test_a_job_with_a_bad_row_is_not_resumed(tmp_path: Path) -> None:
    """Rows or jobs that the portal has corrected must not fail the load."""
    with serve(school()) as portal:
        good = portal.routes["/jobs/j0/subjects"], portal.routes["/jobs/j1"]
        portal.routes["/jobs/j0/subjects"] = [{"uuid": "j0-s0"}, {}]
        portal.routes["/jobs/j1"] = 404
        interrupt(portal, tmp_path)
        portal.routes["/jobs/j0/subjects"], portal.routes["/jobs/j1"] = good
        facts = load(portal.base_url, tmp_path)
        assert jobs_asked(portal) == {"j0", "j1", "j3"}
    assert facts["rows"]["quarantine"] == facts["portals"]["studio"]["gone_jobs"] == 0
    assert facts["rows"]["subjects"] == 16


def test_carried_rows_of_an_interrupted_load_grow_old(tmp_path: Path) -> None:
    with serve(school()) as portal:
        load(portal.base_url, tmp_path)
        interrupt(portal, tmp_path)
        facts = load(portal.base_url, tmp_path, reuse=Reuse(max_age_keys=NO_TIME))
        assert jobs_asked(portal) == {"j0", "j1", "j2", "j3"}
    assert facts["portals"]["studio"]["asked"] == {"access_keys": 8, "users": 0}
    assert facts["portals"]["studio"]["resumed_jobs"] == 0


def test_users_of_the_interrupted_load_are_not_asked_for_again(
    tmp_path: Path,
) -> None:
    """Even if none can be carried over; a damaged one is asked for again."""
    with serve(school()) as portal:
        load(portal.base_url, tmp_path)
        interrupt(portal, tmp_path, reuse=Reuse(max_age_users=NO_TIME))
        (users,) = (tmp_path / ".staging").glob("2*/rows/*/users.ndjson")
        lines = users.read_bytes().splitlines(keepends=True)
        assert len(lines) == 4
        users.write_bytes(b"".join(lines[:3]) + lines[3][:-10])
        facts = load(portal.base_url, tmp_path, reuse=Reuse(max_age_users=NO_TIME))
    of_portal = facts["portals"]["studio"]
    assert of_portal["asked"]["users"] == 2
    assert (of_portal["resumed_jobs"], of_portal["resumed_users"]) == (3, 3)
    assert facts["rows"]["users"] == 5


def test_users_carried_by_the_interrupted_load_keep_their_age(
    tmp_path: Path,
) -> None:
    with serve(school()) as portal:
        load(portal.base_url, tmp_path)
        interrupt(portal, tmp_path)
        facts = load(portal.base_url, tmp_path, reuse=Reuse(max_age_users=NO_TIME))
    of_portal = facts["portals"]["studio"]
    assert of_portal["resumed_jobs"] == 3
    assert (of_portal["asked"]["users"], of_portal["resumed_users"]) == (5, 0)


# Real processes


async def hang(_: web.BaseRequest) -> Any:
    """Answer after the client has gone."""
    await asyncio.sleep(60)


def wait_for(condition: Callable[[], Any], process: subprocess.Popen[str]) -> None:
    """Wait until a condition holds, while a process lives."""
    until = time.monotonic() + 30
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.01)


def stopped(portal: FakePortal, folder: Path, **options: Any) -> subprocess.Popen[str]:
    """Start a load in a project; return it while it hangs in the last job."""
    answer, portal.routes[BROKEN] = portal.routes[BROKEN], hang
    process = start(folder, "load", "--concurrency", "1", **options)
    wait_for(lambda: portal.asked(BROKEN), process)
    portal.routes[BROKEN] = answer
    portal.seen.clear()
    return process


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_stopped_load_is_resumed(tmp_path: Path, number: signal.Signals) -> None:
    with serve(school()) as portal:
        folder = project(tmp_path, portal)
        process = stopped(portal, folder)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
        status = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}
        assert process.returncode == status[number]
        assert err == ""
        if number != signal.SIGKILL:
            assert events(out)[-1]["event"] == "load_stopped"
        assert len(staged(folder / "landing")) == 1
        result = extract(folder, "load")
        assert jobs_asked(portal) == {"j3"}
    assert result.returncode == 0
    last = events(result.stdout)[-1]
    assert (last["resumed_jobs"], last["current"]) == (3, True)
    assert not [word for word in PERSONAL if word in out + err + result.stdout]
    assert staged(folder / "landing") == []


def ignore_interrupts() -> None:
    """Do as a script's shell does for what it runs in the background."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def test_a_load_in_the_background_ends_on_sigterm(tmp_path: Path) -> None:
    with serve(school()) as portal:
        folder = project(tmp_path, portal)
        process = stopped(portal, folder, preexec_fn=ignore_interrupts)
        process.send_signal(signal.SIGINT)
        process.terminate()
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (143, "")
    assert events(out)[-1]["event"] == "load_stopped"
    assert len(staged(folder / "landing")) == 1


def test_of_two_loads_only_one_resumes(tmp_path: Path) -> None:
    with serve(school()) as portal:
        folder = project(tmp_path, portal)
        kill(stopped(portal, folder))
        first = stopped(portal, folder)
        assert len(staged(folder / "landing")) == 1
        # The interrupted one is taken, and the one that took it lives.
        second = extract(folder, "load")
        assert second.returncode == 0
        assert events(second.stdout)[-1]["resumed_jobs"] == 0
        assert len(staged(folder / "landing")) == 1
        kill(first)
    assert len(staged(folder / "landing")) == 1


def test_two_loads_at_once_both_land(tmp_path: Path) -> None:
    with serve(school()) as portal:
        folder = project(tmp_path, portal)
        kill(stopped(portal, folder))
        processes = [start(folder, "load") for _ in range(2)]
        outs = [process.communicate(timeout=60)[0] for process in processes]
    lasts = [events(out)[-1] for out in outs]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(last["resumed_jobs"] for last in lasts) == [0, 3]
    newest = max(last["load_id"] for last in lasts)
    assert (folder / "landing" / "current").readlink().name == newest
    assert staged(folder / "landing") == []

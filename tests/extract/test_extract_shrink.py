"""A load of far fewer subjects is landed, but not current until it is accepted."""

import json
from pathlib import Path
from typing import Any

import pytest

from extract.load import Limits, Plan, run
from extract.logs import open_log
from tests.extract.fake_portal import serve
from tests.extract.loading import (
    ask,
    events,
    extract,
    load,
    project,
    query,
    rename_load,
    studio,
)

NON_BUYERS = "/jobs/j1/subjects?" + query("false")
FUTURE = "29990101T000000000000Z-00000000"


def subjects(count: int) -> list[dict[str, Any]]:
    """Return subjects of an order list, one of them twice."""
    rows = [{"uuid": f"n{n}"} for n in range(count)]
    return rows + rows[:1]


def current(landing: Path) -> str:
    """Return the id of the current load."""
    return (landing / "current").readlink().name


@pytest.mark.parametrize(
    ("before", "after", "ratio", "is_held"),
    [
        (19, 9, 0.5, False),
        (19, 8, 0.5, True),
        (19, 0, 0.5, True),
        (19, 17, 0.95, True),
        (19, 0, 0, False),
        (0, 0, 1, False),
        (5, 50, 1, False),
    ],
)
def test_far_fewer_subjects_hold_a_load_back(
    tmp_path: Path, before: int, after: int, ratio: float, is_held: bool
) -> None:
    limits = Limits(min_ratio=ratio)
    with serve(studio() | {NON_BUYERS: subjects(before)}) as portal:
        first = load(portal.base_url, tmp_path)
        portal.routes[NON_BUYERS] = subjects(after)
        second = load(portal.base_url, tmp_path, limits=limits)
    counts = {"subjects": after + 1, "before": before + 1, "load_id": first["load_id"]}
    assert second["shrunk"] == ({"studio": counts} if is_held else {})
    assert second["current"] is not is_held
    assert current(tmp_path) == (first if is_held else second)["load_id"]
    assert (tmp_path / "loads" / second["load_id"] / "load.json").is_file()


def test_subjects_known_to_job_details_only_do_not_count(tmp_path: Path) -> None:
    known = {"/jobs/j1": {"uuid": "j1", "subjects": [*subjects(40)]}}
    with serve(studio() | {NON_BUYERS: subjects(9)} | known) as portal:
        load(portal.base_url, tmp_path)
        portal.routes[NON_BUYERS] = subjects(3)
        assert load(portal.base_url, tmp_path)["shrunk"]["studio"]["before"] == 10


def test_a_held_back_load_is_not_compared_with(tmp_path: Path) -> None:
    with serve(studio() | {NON_BUYERS: subjects(9)}) as portal:
        first = load(portal.base_url, tmp_path)
        portal.routes[NON_BUYERS] = subjects(2)
        held = [load(portal.base_url, tmp_path) for _ in range(2)]
        accepted = load(portal.base_url, tmp_path, limits=Limits(accepts_shrink=True))
        # From here on the small number is the measure.
        after = load(portal.base_url, tmp_path)
    assert [one["current"] for one in (*held, accepted, after)] == [
        False,
        False,
        True,
        True,
    ]
    for one in (*held, accepted):
        assert one["shrunk"]["studio"]["load_id"] == first["load_id"]
    assert after["shrunk"] == {}


def test_a_load_of_some_jobs_is_compared_by_these_only(
    tmp_path: Path,
) -> None:
    jobs = studio() | {
        "/jobs/j2": {"uuid": "j2"},
        "/jobs/j2/users": [],
        "/jobs/j2/subjects": subjects(30),
    }
    jobs["/activities/search"] = [
        {"uuid": f"a{n}", "job": {"uuid": f"j{n}"}} for n in (1, 2)
    ]
    with serve(jobs | {NON_BUYERS: subjects(9)}) as portal:
        load(portal.base_url, tmp_path)
        fine = load(portal.base_url, tmp_path, jobs=("j1",))
        portal.routes[NON_BUYERS] = subjects(3)
        few = load(portal.base_url, tmp_path, jobs=("j1",))
        portal.routes["/jobs/j2/subjects"] = []
        all_jobs = load(portal.base_url, tmp_path)
    assert (fine["shrunk"], fine["only_jobs"]) == ({}, 1)
    counts = few["shrunk"]["studio"]
    assert (counts["subjects"], counts["before"]) == (4, 10)
    counts = all_jobs["shrunk"]["studio"]
    assert (counts["subjects"], counts["before"]) == (4, 40)


def test_one_portal_of_several_holds_the_load_back(tmp_path: Path) -> None:
    with serve(studio() | {NON_BUYERS: subjects(9)}) as one, serve(studio()) as other:
        asks = [ask(one.base_url, "one"), ask(other.base_url, "other")]
        run(Plan(asks, tmp_path, 8), open_log("json"))
        one.routes[NON_BUYERS] = []
        asks = [ask(one.base_url, "one"), ask(other.base_url, "other")]
        facts = run(Plan(asks, tmp_path, 8), open_log("json"))
    assert set(facts["shrunk"]) == {"one"}
    assert not facts["current"]


def test_an_unreadable_load_is_not_compared_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(studio() | {NON_BUYERS: subjects(9)}) as portal:
        first = load(portal.base_url, tmp_path)
        second = load(portal.base_url, tmp_path)
        torn = tmp_path / "loads" / second["load_id"] / "portal=studio"
        (torn / "subjects.parquet").write_bytes(b"PAR1")
        portal.routes[NON_BUYERS] = []
        capsys.readouterr()
        third = load(portal.base_url, tmp_path)
    assert third["shrunk"]["studio"]["load_id"] == first["load_id"]
    said = [line["event"] for line in events(capsys.readouterr().out)]
    assert said.count("load_not_used") == 1


# The commands


def test_a_held_back_load_is_an_error_until_it_is_accepted(tmp_path: Path) -> None:
    with serve(studio() | {NON_BUYERS: subjects(9)}) as portal:
        folder = project(tmp_path, portal)
        landing = folder / "landing"
        load(portal.base_url, landing, key="studio0")
        first = current(landing)
        portal.routes[NON_BUYERS] = subjects(2)
        result = extract(folder, "load")
        asked = len(portal.seen)
        (held,) = {one.name for one in (landing / "loads").iterdir()} - {first}
        assert result.returncode == 10
        assert result.stderr == (
            "sms: portal studio0: 3 subjects on the order lists, where load "
            f"{first} has 10. Load {held} is landed but not current; if its numbers "
            f"are right, `sms extract accept {held}` makes it so\n"
        )
        assert events(result.stdout)[-1]["current"] is False
        assert current(landing) == first
        listed = extract(folder, "loads").stdout
        assert f"* {first}" in listed
        assert "held back: far fewer subjects than before" in listed

        accepted = extract(folder, "accept", held)
        assert (accepted.returncode, accepted.stderr) == (0, "")
        assert accepted.stdout == f"load {held} is current now\n"
        assert current(landing) == held
        assert "held" not in extract(folder, "loads").stdout
        assert len(portal.seen) == asked
        again = extract(folder, "accept", held)
        assert (again.returncode, again.stdout) == (
            0,
            f"load {held} was already current\n",
        )
        described = json.loads((landing / "current" / "load.json").read_text())
        assert described["accepted_at"] > described["finished_at"]
        # It is the measure now.
        assert load(portal.base_url, landing, key="studio0")["current"]


def test_accepting_the_wrong_load_is_an_error(tmp_path: Path) -> None:
    with serve(studio() | {NON_BUYERS: subjects(9)}) as portal:
        folder = project(tmp_path, portal)
        landing = folder / "landing"
        first = load(portal.base_url, landing)["load_id"]
        portal.routes[NON_BUYERS] = []
        held = load(portal.base_url, landing)["load_id"]
        portal.routes[NON_BUYERS] = subjects(9)
        newer = load(portal.base_url, landing)["load_id"]
    for load_id, status, reason in (
        (held, 10, f"older than the current one, {newer}"),
        (first, 2, "was not held"),
        ("../current", 2, "there is no load"),
        (FUTURE, 2, "there is no load"),
    ):
        result = extract(folder, "accept", load_id)
        assert (result.returncode, result.stderr.count("\n")) == (status, 1)
        assert reason in result.stderr
        assert current(landing) == newer


def test_a_current_load_from_the_future_is_an_error(tmp_path: Path) -> None:
    """The clock was set back: the new load would never become current."""
    with serve(studio()) as portal:
        folder = project(tmp_path, portal)
        landing = folder / "landing"
        rename_load(landing, load(portal.base_url, landing)["load_id"], FUTURE)
        result = extract(folder, "load")
    assert result.returncode == 10
    assert f"the current one, {FUTURE}, began in the future" in result.stderr
    assert current(landing) == FUTURE


def test_the_limits_are_options(tmp_path: Path) -> None:
    bad = {NON_BUYERS: [*subjects(17), {}, {}]}
    with serve(studio() | bad) as portal:
        folder = project(tmp_path, portal)
        assert extract(folder, "load").returncode == 20
        assert extract(folder, "load", "--max-quarantine", "0.1").returncode == 0
        portal.routes[NON_BUYERS] = [*subjects(8), {}]
        strict = extract(folder, "load", "--max-quarantine", "0")
        assert "1 rows of subjects are quarantined" in strict.stderr
        assert extract(folder, "load", "--min-ratio", "0.6").returncode == 10
        assert extract(folder, "load", "--accept-shrink", "--fresh").returncode == 0

"""What a load carries over from earlier ones, and what it asks for again."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from extract import commands
from extract.carry import Reuse
from extract.load import Limits, Plan, run
from extract.logs import open_log
from extract.sandbox.cli import Size
from extract.urls import segment
from tests.extract.fake_portal import FakePortal, serve
from tests.extract.loading import (
    EMAIL,
    NO_TIME,
    NOTHING_REUSED,
    PERSONAL,
    ask,
    events,
    extract,
    landed,
    load,
    project,
    query,
    rewrite,
    school,
    shown,
    studio,
)

KEYS = "/jobs/j1/subjects/{}/accesskeys"
BUYERS = "/jobs/j1/subjects?" + query("true")
DIRT = [
    "",
    " ",
    "a\x00b",
    "\u2028\n\r\t\x1f",
    "null",
    "[1]",
    "1.10",
    "'\"\\",
    "é\u0301\U0001f600",
]


def asked(portal: FakePortal) -> Counter[str]:
    """Return the paths that were asked for, without queries, and forget them."""
    paths = Counter(portal.path(one).partition("?")[0] for one in portal.seen)
    portal.seen.clear()
    return paths


def test_a_second_load_asks_for_no_key_and_no_user(tmp_path: Path) -> None:
    with serve(studio()) as portal:
        first = load(portal.base_url, tmp_path)
        before = {
            entity: shown(tmp_path, entity) for entity in ("access_keys", "users")
        }
        asked(portal)
        second = load(portal.base_url, tmp_path)
        assert asked(portal) == {
            "/activities/search": 1,
            "/jobs/j1": 1,
            "/jobs/j1/subjects": 2,
            "/jobs/j1/users": 1,
        }
        third = load(portal.base_url, tmp_path)
    for entity, rows in before.items():
        # With all columns: fetched_at is when they were asked for.
        assert shown(tmp_path, entity) == rows
        assert len(rows) == first["rows"][entity]
    new, old = {"access_keys": 3, "users": 1}, {"access_keys": 0, "users": 0}
    for facts, done, carried in (
        (first, new, old),
        (second, old, new),
        (third, old, new),
    ):
        of_portal = facts["portals"]["studio"]
        assert (of_portal["asked"], of_portal["carried"]) == (done, carried)
        assert of_portal["resumed_jobs"] == 0
    assert first["rows"] == second["rows"] == third["rows"]


def test_the_summary_says_what_was_asked_for_and_carried(tmp_path: Path) -> None:
    with serve(studio()) as portal:
        folder = project(tmp_path, portal)
        extract(folder, "load")
        portal.routes[BUYERS] = [{"uuid": "s9", "email": EMAIL}]
        portal.routes[KEYS.format("s9")] = ["CANARYKEY-s9"]
        lines = events(extract(folder, "load").stdout)
    expected = {
        "asked": {"access_keys": 1, "users": 0},
        "carried": {"access_keys": 2, "users": 1},
        "resumed_jobs": 0,
    }
    for event in ("portal_read", "load_complete"):
        (line,) = (line for line in lines if line["event"] == event)
        assert {name: line[name] for name in expected} == expected


# What is asked for again


@pytest.mark.parametrize("nothing", [404, [], [" "], {"access_keys": []}])
def test_a_subject_without_a_key_is_asked_for_every_time(
    tmp_path: Path, nothing: Any
) -> None:
    with serve(studio() | {KEYS.format("s1"): nothing}) as portal:
        load(portal.base_url, tmp_path)
        asked(portal)
        load(portal.base_url, tmp_path)
        again = asked(portal)
        portal.routes[KEYS.format("s1")] = ["CANARYKEY-late"]
        load(portal.base_url, tmp_path)
    assert {path for path in again if "accesskeys" in path} == {KEYS.format("s1")}
    # It had none before: no sign that the job has gone.
    assert again["/jobs/j1"] == 1
    keys = {
        row["subject_uuid"]: row["access_keys"]
        for row in landed(tmp_path, "access_keys")
    }
    assert keys == {
        "s0": ["CANARYKEY-s0"],
        "s1": ["CANARYKEY-late"],
        "s2": ["CANARYKEY-s2"],
    }


def test_a_missing_key_of_a_new_subject_makes_the_load_check_the_job(
    tmp_path: Path,
) -> None:
    with serve(studio()) as portal:
        load(portal.base_url, tmp_path)
        portal.routes[BUYERS] = [{"uuid": "s9", "email": EMAIL}]
        asked(portal)
        load(portal.base_url, tmp_path)
    assert asked(portal)["/jobs/j1"] == 2


@pytest.mark.parametrize(
    ("nothing", "lands"),
    [(404, True), (b'{"uuid":"u1","name":"\\ud800"}', False)],
    ids=["gone", "quarantined"],
)
def test_a_missing_user_is_asked_for_every_time(
    tmp_path: Path, nothing: Any, lands: bool
) -> None:
    with serve(studio()) as portal:
        before, portal.routes["/users/u1"] = portal.routes["/users/u1"], nothing
        first = load(portal.base_url, tmp_path)
        again = load(portal.base_url, tmp_path)
        assert again["portals"]["studio"]["asked"]["users"] == 1
        assert again["rows"] == first["rows"]
        assert again["rows"]["quarantine"] == (not lands)
        portal.routes["/users/u1"] = before
        load(portal.base_url, tmp_path)
    (user,) = landed(tmp_path, "users")
    assert (user["is_gone"], user["email_address"]) == (False, EMAIL)


def test_a_quarantined_key_is_asked_for_every_time(tmp_path: Path) -> None:
    with serve(studio() | {KEYS.format("s1"): [{"code": "x"}]}) as portal:
        load(portal.base_url, tmp_path)
        again = load(portal.base_url, tmp_path)
    assert again["portals"]["studio"]["asked"]["access_keys"] == 1
    assert again["rows"]["quarantine"] == 1


def test_only_what_the_portal_still_lists_is_carried(tmp_path: Path) -> None:
    with serve(studio()) as portal:
        load(portal.base_url, tmp_path)
        portal.routes[BUYERS] = portal.routes["/jobs/j1/users"] = []
        load(portal.base_url, tmp_path)
    assert {row["subject_uuid"] for row in landed(tmp_path, "access_keys")} == {
        "s1",
        "s2",
    }
    assert landed(tmp_path, "users") == []


# Age


def hours_ago(hours: float) -> str:
    """Return a time as SQL writes it."""
    return f"timestamptz '{datetime.now(UTC) - timedelta(hours=hours)}'"


@pytest.mark.parametrize(
    ("hours", "limit", "carried"),
    [(1.99, 2, True), (2.01, 2, False), (0, 0, False), (-0.5, 2, False)],
    ids=["young", "old", "none", "future"],
)
def test_fresh_rows_are_carried(
    tmp_path: Path, hours: float, limit: float, carried: bool
) -> None:
    age = timedelta(hours=limit)
    with serve(studio()) as portal:
        load(portal.base_url, tmp_path)
        for entity in ("access_keys", "users"):
            rewrite(tmp_path, entity, f"{hours_ago(hours)} as fetched_at")
        before = shown(tmp_path, "users")
        facts = load(portal.base_url, tmp_path, reuse=Reuse(age, age))
    of_portal = facts["portals"]["studio"]
    assert of_portal["carried"] == {"access_keys": 3 * carried, "users": 1 * carried}
    assert (shown(tmp_path, "users") == before) is carried


def test_keys_and_users_have_separate_ages(tmp_path: Path) -> None:
    with serve(studio()) as portal:
        load(portal.base_url, tmp_path)
        keys = load(portal.base_url, tmp_path, reuse=Reuse(max_age_users=NO_TIME))
        users = load(portal.base_url, tmp_path, reuse=Reuse(max_age_keys=NO_TIME))
    assert keys["portals"]["studio"]["carried"] == {"access_keys": 3, "users": 0}
    assert users["portals"]["studio"]["carried"] == {"access_keys": 0, "users": 1}


def test_carrying_a_row_does_not_refresh_its_age(tmp_path: Path) -> None:
    with serve(studio()) as portal:
        load(portal.base_url, tmp_path)
        rewrite(tmp_path, "access_keys", f"{hours_ago(1)} as fetched_at")
        load(portal.base_url, tmp_path)
        short = Reuse(max_age_keys=timedelta(minutes=30))
        facts = load(portal.base_url, tmp_path, reuse=short)
    assert facts["portals"]["studio"]["carried"] == {"access_keys": 0, "users": 1}


# What they are carried as


def test_carried_rows_are_unchanged(tmp_path: Path) -> None:
    routes = studio() | {
        BUYERS: [{"uuid": f"d{n}", "email": EMAIL} for n in range(len(DIRT))],
        "/jobs/j1/users": [
            {"subjectUuid": "d0", "userUuid": f"x{n}\x00{text}"}
            for n, text in enumerate(DIRT)
        ],
    }
    with serve(routes) as portal:
        for n, text in enumerate(DIRT):
            portal.routes[KEYS.format(f"d{n}")] = {
                "data": [text, {"key": "K"}],
                "x": 1.10,
            }
        portal.routes.update(dirty_users())
        load(portal.base_url, tmp_path)
        before = [shown(tmp_path, entity) for entity in ("access_keys", "users")]
        facts = load(portal.base_url, tmp_path)
    assert facts["portals"]["studio"]["asked"] == {"access_keys": 0, "users": 0}
    assert facts["portals"]["studio"]["carried"]["users"] == len(DIRT)
    assert [shown(tmp_path, entity) for entity in ("access_keys", "users")] == before


def dirty_users() -> dict[str, Any]:
    """Return the routes of users with odd ids and odd fields."""
    return {
        "/users/" + segment(f"x{n}\x00{text}"): {
            "uuid": "u",
            "name": text,
            "more": [text],
        }
        for n, text in enumerate(DIRT)
    }


def test_a_carried_row_that_is_too_large_is_asked_for(tmp_path: Path) -> None:
    with serve(studio()) as portal:
        load(portal.base_url, tmp_path)
        rewrite(tmp_path, "users", "repeat('x', 4_200_000) as payload")
        facts = load(portal.base_url, tmp_path)
    assert facts["portals"]["studio"]["asked"]["users"] == 1


# From which loads


def test_another_address_is_another_portal(tmp_path: Path) -> None:
    with serve(studio()) as one, serve(studio()) as other:
        load(one.base_url, tmp_path)
        facts = load(other.base_url, tmp_path)
        assert facts["portals"]["studio"]["carried"] == {"access_keys": 0, "users": 0}
        # However the same address is written.
        facts = load(other.base_url.removesuffix("/api/v1") + "/", tmp_path)
        assert facts["portals"]["studio"]["carried"] == {"access_keys": 3, "users": 1}


def test_each_portal_has_separate_rows(tmp_path: Path) -> None:
    with serve(studio()) as one, serve(studio()) as other:
        other.routes[KEYS.format("s1")] = ["CANARYKEY-other"]
        for _ in range(2):
            asks = [ask(one.base_url, "one"), ask(other.base_url, "two")]
            facts = run(Plan(asks, tmp_path, 8), open_log("json"))
    for key, code in (("one", "CANARYKEY-s1"), ("two", "CANARYKEY-other")):
        assert facts["portals"][key]["carried"]["access_keys"] == 3
        rows = landed(tmp_path, "access_keys", key)
        assert [r["access_keys"] for r in rows if r["subject_uuid"] == "s1"] == [[code]]


def test_a_load_of_some_jobs_keeps_the_rows_of_the_others(tmp_path: Path) -> None:
    with serve(school(3)) as portal:
        load(portal.base_url, tmp_path)
        load(portal.base_url, tmp_path, jobs=("j1",), reuse=NOTHING_REUSED)
        newer = shown(tmp_path, "access_keys")
        facts = load(portal.base_url, tmp_path)
    assert facts["portals"]["studio"]["asked"] == {"access_keys": 0, "users": 0}
    # Of two rows the newer one counts.
    assert set(newer) <= set(shown(tmp_path, "access_keys"))


def test_a_newer_answer_without_a_key_or_a_user_counts(tmp_path: Path) -> None:
    with serve(studio()) as portal:
        load(portal.base_url, tmp_path)
        portal.routes |= {KEYS.format("s1"): 404, "/users/u1": 404}
        load(portal.base_url, tmp_path, jobs=("j1",), reuse=NOTHING_REUSED)
        facts = load(portal.base_url, tmp_path)
    assert facts["portals"]["studio"]["asked"] == {"access_keys": 1, "users": 1}


def truncate(path: Path) -> None:
    """Cut a file in the middle."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def change_schema(path: Path) -> None:
    """Add a column to a file."""
    fresh = path.with_suffix(".new")
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select *, 1 as more from read_parquet('{path}', "
            f"hive_partitioning = false)) to '{fresh}' (format parquet)"
        )
    fresh.rename(path)


def lose_rows(path: Path) -> None:
    """Leave out the rows."""
    rewrite(path.parents[3], path.stem, "payload as payload", where="where false")


def flip(path: Path) -> None:
    """Change bytes in the middle of the rows."""
    content = bytearray(path.read_bytes())
    content[4:40] = bytes(36)
    path.write_bytes(content)


@pytest.mark.parametrize("entity", ["access_keys", "users"])
@pytest.mark.parametrize(
    "spoil", [truncate, change_schema, lose_rows, flip, Path.unlink]
)
def test_an_incomplete_load_is_not_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: Any, entity: str
) -> None:
    with serve(studio()) as portal:
        load(portal.base_url, tmp_path)
        before = (tmp_path / "current").resolve()
        spoil(before / "portal=studio" / f"{entity}.parquet")
        capsys.readouterr()
        facts = load(portal.base_url, tmp_path)
    assert facts["current"]
    out = capsys.readouterr().out
    (said,) = (line for line in events(out) if line["event"] == "nothing_carried")
    assert (said["portal"], said["load_id"]) == ("studio", before.name)
    assert f"{entity}.parquet" in said["reason"]
    assert not [word for word in PERSONAL if word in out]
    assert facts["portals"]["studio"]["asked"] == {"access_keys": 3, "users": 1}
    assert len(landed(tmp_path, "access_keys")) == 3


@pytest.mark.parametrize("content", ["{", "[]", '{"load_id": "x"}', None])
def test_a_load_without_facts_is_not_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    with serve(studio()) as portal:
        load(portal.base_url, tmp_path)
        described = tmp_path / "current" / "load.json"
        described.unlink() if content is None else described.write_text(content)
        capsys.readouterr()
        facts = load(portal.base_url, tmp_path)
    said = [line["event"] for line in events(capsys.readouterr().out)]
    assert said.count("load_not_used") == 1
    assert facts["portals"]["studio"]["carried"] == {"access_keys": 0, "users": 0}


def test_the_sandbox_is_carried_while_it_is_the_same_world(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    day, other = date(2026, 11, 20), date(2027, 1, 1)
    carried = []
    for subjects, seed, today in (
        (2, 1, day),
        (2, 1, day),
        (3, 1, day),
        (2, 2, day),
        (2, 1, other),
    ):
        size = Size(2, subjects, seed, today)
        limits = Limits(min_ratio=0)
        commands.load(
            tmp_path, sandbox=True, size=size, log_format="json", limits=limits
        )
        last = events(capsys.readouterr().out)[-1]
        carried.append(sum(last["carried"].values()) > 0)
    assert carried == [False, True, False, False, False]

"""What a load asks for, what it lands, and when it fails."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from common.errors import ConfigError, NotFoundError, PortalError
from extract.load import Plan, run
from extract.logs import open_log
from extract.urls import segment
from tests.extract.fake_portal import Turns, serve, serve_bytes, whole
from tests.extract.loading import (
    EMAIL,
    NOTHING_REUSED,
    activity,
    ask,
    landed,
    load,
    phone,
    query,
    studio,
)

KEYS = "/jobs/j1/subjects/{}/accesskeys"
BUYERS = "/jobs/j1/subjects?" + query("true")
NON_BUYERS = "/jobs/j1/subjects?" + query("false")


def by_key(rows: list[dict[str, Any]], *names: str) -> dict[Any, dict[str, Any]]:
    """Return rows by key; check that no key is repeated."""
    found = {tuple(row[name] for name in names): row for row in rows}
    assert len(found) == len(rows)
    return found


def test_a_load_lands_every_object_and_asks_for_each_once(tmp_path: Path) -> None:
    with serve(studio()) as portal:
        facts = load(portal.base_url, tmp_path)
    expected = {
        "/activities/search?status_id=in-webshop",
        "/jobs/j1",
        BUYERS,
        NON_BUYERS,
        "/jobs/j1/users",
        "/users/u1",
        *(KEYS.format(f"s{n}") for n in range(3)),
    }
    assert Counter(portal.path(one) for one in portal.seen) == Counter(expected)
    rows = {"activities": 1, "jobs": 1, "images": 0, "subjects": 3}
    rows |= {"registrations": 1, "users": 1, "access_keys": 3, "quarantine": 0}
    assert facts["rows"] == facts["portals"]["studio"]["rows"] == rows
    assert facts["requests"] == facts["portals"]["studio"]["requests"] == 9
    assert {entity: len(landed(tmp_path, entity)) for entity in rows} == rows
    subjects = by_key(landed(tmp_path, "subjects"), "subject_uuid")
    assert subjects[("s0",)]["listed_in"] == "buyers"
    assert subjects[("s1",)]["listed_in"] == "non_buyers"
    assert subjects[("s2",)]["phone_number"] == phone(2)
    assert json.loads(subjects[("s2",)]["payload"])["uuid"] == "s2"
    (key,) = (r for r in landed(tmp_path, "access_keys") if r["subject_uuid"] == "s2")
    assert key["access_keys"] == ["CANARYKEY-s2"]
    assert json.loads(key["payload"]) == ["CANARYKEY-s2"]


def paged(*pages: Any, style: str) -> dict[str, Any]:
    """Return the routes of a list of subjects in pages, linked in a style."""
    routes = {}
    for number, rows in enumerate(pages, start=1):
        path = f"/jobs/j1/subjects?{query('true')}"
        here = path if number == 1 else f"{path}&page={number}"
        link = f"{path}&page={number + 1}" if number < len(pages) else None
        styled = {"base": link, "host": f"/shop/api/v1{link}", "query": link}
        if style == "query" and link:
            styled["query"] = link[link.index("?") :]
        routes[here] = {"data": rows, "meta": {"next": styled[style] if link else ""}}
    return routes


@pytest.mark.parametrize("style", ["base", "host", "query"])
def test_pages_are_followed_and_positions_continue(tmp_path: Path, style: str) -> None:
    first, second = {"uuid": "a"}, {"uuid": "b"}
    pages = paged([first, second], [], [second], [{"uuid": "c"}], style=style)
    with serve(studio() | {NON_BUYERS: []} | pages) as portal:
        load(portal.base_url, tmp_path)
    rows = landed(tmp_path, "subjects")
    found = sorted((row["position"], row["subject_uuid"]) for row in rows)
    assert found == [(0, "a"), (1, "b"), (2, "b"), (3, "c")]


def test_an_absolute_next_link_to_the_same_origin_is_followed(tmp_path: Path) -> None:
    with serve(studio()) as portal:
        portal.routes["/users2"] = [{"subjectUuid": "s1", "uuid": "u1"}]
        link = f"{portal.base_url}/users2"
        portal.routes["/jobs/j1/users"] = {"results": [], "next": link}
        load(portal.base_url, tmp_path)
    assert [row["subject_uuid"] for row in landed(tmp_path, "registrations")] == ["s1"]


def looped(*after: str) -> Any:
    """Return pages of activities, the last of which links to the first."""
    path = "/activities/search"
    return Turns(*[{"data": [], "next": f"{path}?p={page}"} for page in after * 3])


@pytest.mark.parametrize("pages", [("A",), ("A", "B")])
def test_pages_that_form_a_loop_are_an_error(tmp_path: Path, pages: tuple[str]) -> None:
    with serve({"/activities/search": looped(*pages)}) as portal:
        with pytest.raises(PortalError, match=r"page \d: the pages form a loop"):
            load(portal.base_url, tmp_path)
        assert len(portal.seen) <= 3


def test_a_page_that_links_to_itself_is_an_error(tmp_path: Path) -> None:
    here = "/activities/search?status_id=in-webshop"
    with serve({here: {"data": [], "next": here}}) as portal:
        with pytest.raises(PortalError, match="form a loop"):
            load(portal.base_url, tmp_path)
        assert len(portal.seen) == 1


def test_pages_that_never_end_are_an_error(tmp_path: Path) -> None:
    with serve({"/activities/search": looped(*map(str, range(100)))}) as portal:
        with pytest.raises(PortalError, match="more than 20 pages"):
            load(portal.base_url, tmp_path, page_cap=20)
        assert len(portal.seen) == 20


@pytest.mark.parametrize("place", ["next", "meta"])
@pytest.mark.parametrize("form", ["{}/x", "{user}/x"])
def test_a_next_link_to_another_host_is_not_followed(
    tmp_path: Path, place: str, form: str
) -> None:
    with serve_bytes(whole(b"[]")) as other, serve(studio()) as portal:
        target = form.format(
            other.origin, user=portal.origin.replace("//", "//someone:secret@")
        )
        link: dict[str, Any] = {"next": target}
        page: dict[str, Any] = {"data": []}
        page |= link if place == "next" else {"meta": link}
        portal.routes["/jobs/j1/users"] = page
        with pytest.raises(PortalError, match="GET /jobs/j1/users: a next link") as why:
            load(portal.base_url, tmp_path)
    assert other.received == []
    assert "secret" not in str(why.value)


# Access keys


@pytest.mark.parametrize(
    ("more", "asked"),
    [
        ({}, False),
        ({BUYERS: [{"uuid": "s", "email_2": "x"}]}, True),
        ({BUYERS: [{"uuid": "s", "email_2": " "}]}, False),
        ({BUYERS: [{"uuid": "s"}, {"uuid": "s", "phone_number": "x"}]}, True),
        ({NON_BUYERS: [{"uuid": "s", "delivery_2": {"mobile_phone": 5}}]}, True),
        ({"/jobs/j1": {"subjects": {"s": {"email": "x"}}}}, True),
        ({"/jobs/j1/users": [{"subjectUuid": "s", "uuid": "u", "email": "x"}]}, True),
        ({"/jobs/j1/users": [{"subjectUuid": "s", "uuid": "u"}]}, False),
        (
            {
                "/jobs/j1/users": [{"subjectUuid": "s", "uuid": "u"}],
                "/users/u": {"uuid": "u", "phone_number": "x"},
            },
            True,
        ),
        (
            {
                "/jobs/j1/users": [{"subjectUuid": "s", "uuid": "u"}],
                "/users/u": {"uuid": "u", "email_address": "\t", "name": "x"},
            },
            False,
        ),
        ({BUYERS: [], "/jobs/j1": {"subjects": [{"uuid": "s", "email": "x"}]}}, False),
    ],
)
def test_keys_are_asked_for_if_any_route_has_text(
    tmp_path: Path, more: dict[str, Any], asked: bool
) -> None:
    routes = studio() | {BUYERS: [{"uuid": "s"}], NON_BUYERS: [], "/jobs/j1/users": []}
    routes |= {KEYS.format("s"): ["K"], "/jobs/j1": {"uuid": "j1"}} | more
    with serve(routes) as portal:
        load(portal.base_url, tmp_path)
    assert portal.asked(KEYS.format("s")) == asked
    assert len(landed(tmp_path, "access_keys")) == asked


def test_a_missing_key_is_a_row_without_keys(tmp_path: Path) -> None:
    with serve(studio() | {KEYS.format("s1"): 404}) as portal:
        load(portal.base_url, tmp_path)
    keys = by_key(landed(tmp_path, "access_keys"), "subject_uuid")
    assert keys[("s1",)]["access_keys"] == []
    assert keys[("s1",)]["payload"] is None
    assert keys[("s0",)]["access_keys"] == ["CANARYKEY-s0"]
    assert portal.asked("/jobs/j1") == 1


def test_a_forbidden_key_fails_the_load(tmp_path: Path) -> None:
    with (
        serve(studio() | {KEYS.format("s1"): 403}) as portal,
        pytest.raises(PortalError, match=r"job j1, GET /jobs/j1/subjects/s1/acc.*403"),
    ):
        load(portal.base_url, tmp_path)
    assert not (tmp_path / "loads").exists()


# Users


def many_jobs(count: int, **more: Any) -> dict[str, Any]:
    """Return the routes of a portal of many jobs without subjects."""
    jobs = [f"j{n}" for n in range(count)]
    routes: dict[str, Any] = {
        "/activities/search": [activity(f"a{n}", job) for n, job in enumerate(jobs)]
    }
    for job in jobs:
        routes[f"/jobs/{job}"] = {"uuid": job, "name": f"Name {job}"}
        routes[f"/jobs/{job}/subjects"] = []
        routes[f"/jobs/{job}/users"] = []
    return routes | more


def test_a_user_of_many_jobs_is_asked_for_once(tmp_path: Path) -> None:
    routes = many_jobs(6)
    for n in range(6):
        routes[f"/jobs/j{n}/subjects"] = [{"uuid": "s"}]
        routes[f"/jobs/j{n}/users"] = [{"subjectUuid": "s", "uuid": "u"}] * 2
        routes[f"/jobs/j{n}/subjects/s/accesskeys"] = ["K"]
    routes["/users/u"] = {"uuid": "u", "email_address": EMAIL}
    with serve(routes, latency=0.01) as portal:
        load(portal.base_url, tmp_path)
    assert portal.asked("/users/u") == 1
    assert len(landed(tmp_path, "users")) == 1
    assert len(landed(tmp_path, "access_keys")) == 6


def test_a_gone_user_has_a_row(tmp_path: Path) -> None:
    with serve(studio() | {"/users/u1": 404}) as portal:
        load(portal.base_url, tmp_path)
    (user,) = landed(tmp_path, "users")
    assert (user["user_uuid"], user["is_gone"], user["payload"]) == ("u1", True, None)


# Jobs


def test_only_the_wanted_jobs_are_read(tmp_path: Path) -> None:
    with serve(many_jobs(4)) as portal:
        facts = load(portal.base_url, tmp_path, jobs=("j1", "j3"))
    assert {row["job_uuid"] for row in landed(tmp_path, "activities")} == {"j1", "j3"}
    assert {row["job_uuid"] for row in landed(tmp_path, "jobs")} == {"j1", "j3"}
    assert facts["portals"]["studio"]["jobs"] == 2
    assert portal.asked("/jobs/j0") == 0


def test_a_wanted_job_can_be_on_sale_in_one_portal_only(tmp_path: Path) -> None:
    with serve(many_jobs(2)) as one, serve(studio()) as other:
        asks = [ask(one.base_url, "one"), ask(other.base_url, "other")]
        plan = Plan(asks, tmp_path, 8, frozenset({"j0"}))
        facts = run(plan, open_log("json"))
    assert facts["portals"]["one"]["jobs"] == 1
    assert facts["portals"]["other"]["jobs"] == 0
    assert landed(tmp_path, "jobs", "other") == []


def test_a_wanted_job_that_is_not_on_sale_is_named(tmp_path: Path) -> None:
    with (
        serve(many_jobs(2)) as portal,
        pytest.raises(
            ConfigError, match=r"not on sale in any of the portals: job x%0A, y$"
        ),
    ):
        load(portal.base_url, tmp_path, jobs=("j0", "y", "x\n"))
    assert not (tmp_path / "loads").exists()


def test_a_load_without_activities_has_no_rows(tmp_path: Path) -> None:
    with serve({"/activities/search": []}) as portal:
        facts = load(portal.base_url, tmp_path)
    assert set(facts["rows"].values()) == {0}
    assert facts["current"]


def test_a_gone_job_has_a_row_and_the_load_continues(tmp_path: Path) -> None:
    with serve(many_jobs(10) | {"/jobs/j4": 404}) as portal:
        facts = load(portal.base_url, tmp_path)
    jobs = by_key(landed(tmp_path, "jobs"), "job_uuid")
    assert [key for key, row in jobs.items() if row["is_gone"]] == [("j4",)]
    assert len(jobs) == 10
    assert jobs[("j4",)]["name"] is jobs[("j4",)]["payload"] is None
    assert facts["portals"]["studio"]["gone_jobs"] == 1


def test_a_job_that_disappears_while_it_is_read_leaves_nothing(tmp_path: Path) -> None:
    details = Turns({"uuid": "j1", "subjects": {"s": {}}}, 404)
    routes = many_jobs(3) | {"/jobs/j1": details, "/jobs/j1/users": 404}
    routes["/jobs/j1/subjects"] = [{"uuid": "s", "first_name": "x"}]
    with serve(routes) as portal:
        load(portal.base_url, tmp_path)
    assert landed(tmp_path, "subjects") == []
    jobs = by_key(landed(tmp_path, "jobs"), "job_uuid")
    assert jobs[("j1",)]["is_gone"]


def test_a_job_without_any_key_is_checked_for_being_gone(tmp_path: Path) -> None:
    routes = studio() | {KEYS.format(f"s{n}"): 404 for n in range(3)}
    routes |= {f"/jobs/{n}": {"uuid": n} for n in "abc"}
    with serve(routes) as portal:
        load(portal.base_url, tmp_path / "there")
        portal.routes["/jobs/j1"] = Turns({"uuid": "j1"}, 404)
        portal.routes["/activities/search"] += [activity("a2", "j2")]
        portal.routes |= {"/jobs/j2": {"uuid": "j2"}, "/jobs/j2/users": []}
        portal.routes["/jobs/j2/subjects"] = []
        load(portal.base_url, tmp_path / "gone")
    assert len(landed(tmp_path / "there", "access_keys")) == 3
    gone = by_key(landed(tmp_path / "gone", "jobs"), "job_uuid")
    assert gone[("j1",)]["is_gone"]


def test_a_missing_part_of_an_existing_job_is_an_error(
    tmp_path: Path,
) -> None:
    with (
        serve(many_jobs(3) | {"/jobs/j1/users": 404}) as portal,
        pytest.raises(NotFoundError, match=r"job j1, GET /jobs/j1/users: answered 404"),
    ):
        load(portal.base_url, tmp_path)


@pytest.mark.parametrize(
    ("jobs", "gone", "fails"),
    [(1, 1, True), (2, 1, False), (2, 2, True), (20, 2, False), (20, 3, True)],
)
def test_too_many_gone_jobs_fail_the_load(
    tmp_path: Path, jobs: int, gone: int, fails: bool
) -> None:
    routes = many_jobs(jobs, **{f"/jobs/j{n}": 404 for n in range(gone)})
    with serve(routes) as portal:
        if fails:
            with pytest.raises(PortalError, match=f"{gone} of {jobs} jobs are gone"):
                load(portal.base_url, tmp_path)
        else:
            load(portal.base_url, tmp_path)
    assert (tmp_path / "current").exists() is not fails


@pytest.mark.parametrize(
    "path",
    [
        "/activities/search",
        "/jobs/j1",
        "/jobs/j1/subjects?" + query("true"),
        "/jobs/j1/subjects?" + query("false"),
        "/jobs/j1/users",
        "/users/u1",
        KEYS.format("s2"),
    ],
)
def test_a_failure_anywhere_fails_the_whole_load(tmp_path: Path, path: str) -> None:
    with serve(studio()) as portal:
        before = load(portal.base_url, tmp_path)
        portal.routes[path] = 500
        with pytest.raises(PortalError, match="answered 500") as why:
            load(portal.base_url, tmp_path, reuse=NOTHING_REUSED)
    assert f"GET {path}" in str(why.value)
    assert [one.name for one in (tmp_path / "loads").iterdir()] == [before["load_id"]]
    assert [one.name for one in (tmp_path / ".staging").iterdir()] == ["lock"]
    assert len(landed(tmp_path, "subjects")) == 3


def test_a_failure_stops_the_rest_promptly(tmp_path: Path) -> None:
    routes = studio(subjects=200) | {KEYS.format("s0"): 401}
    with serve(routes, latency=0.01) as portal:
        with pytest.raises(PortalError, match="401"):
            load(portal.base_url, tmp_path, concurrency=4)
        assert len(portal.seen) < 30


def test_a_load_has_a_deadline(tmp_path: Path) -> None:
    with (
        serve(studio(), latency=0.2) as portal,
        pytest.raises(PortalError, match=r"took longer than 0.3 seconds"),
    ):
        load(portal.base_url, tmp_path, run_deadline=0.3)


# Quarantine


def quarantined(landing: Path) -> set[tuple[str, str, str]]:
    """Read the quarantine."""
    rows = landed(landing, "quarantine")
    return {(row["entity"], row["key"], row["reason"]) for row in rows}


BAD_ROWS = {
    "no uuid": (b'{"first_name":"Canaryname"}', "no subject uuid"),
    "no object": (b'"Canaryname"', "not an object"),
    "lone surrogate": (b'{"uuid":"x","name":"\\ud800Canary"}', "a lone surrogate"),
    "surrogate in a field's name": (b'{"uuid":"x","\\udfff":1}', "a lone surrogate"),
    "surrogate in the uuid": (b'{"uuid":"x\\ud800"}', "a lone surrogate"),
    "NaN": (b'{"uuid":"x","price":NaN}', "NaN is not a JSON number"),
    "two values": (b'{"uuid":"x","name":"a","name":"b"}', "one key two values"),
    "long uuid": (b'{"uuid":"%s"}' % (b"x" * 600), "longer than 512 characters"),
    "giant": (
        b'{"uuid":"x","name":"%s"}' % (b"x" * 4_200_000),
        "larger than 4,194,304",
    ),
    "deep": (
        b'{"uuid":"x","images":%s1.10%s}' % (b"[" * 900, b"]" * 900),
        "nested too deeply",
    ),
}


@pytest.mark.parametrize(("row", "reason"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_row_that_cannot_be_landed_is_quarantined(
    tmp_path: Path, row: bytes, reason: str
) -> None:
    body = b'{"data":[{"uuid":"s0","phone_number":"x"},%s,{"uuid":"s1"}]}' % row
    with serve(studio() | {BUYERS: body, NON_BUYERS: []}) as portal:
        facts = load(portal.base_url, tmp_path)
    subjects = landed(tmp_path, "subjects")
    found = {row["subject_uuid"]: row["position"] for row in subjects}
    assert found == {"s0": 0, "s1": 2}
    ((entity, key, why),) = quarantined(tmp_path)
    assert (entity, key) == ("subjects", "j1/buyers/1")
    assert reason in why
    assert "anary" not in why
    assert facts["rows"]["quarantine"] == 1


@pytest.mark.parametrize(
    ("path", "body", "found"),
    [
        (
            "/activities/search",
            [{"uuid": "a"}, activity("a1", "j1")],
            ("activities", "activities/0", "no job uuid"),
        ),
        (
            "/jobs/j1/users",
            [{"uuid": "u1"}],
            ("registrations", "j1/users/0", "no subject uuid"),
        ),
        (
            "/jobs/j1",
            {"uuid": "j1", "images": [None]},
            ("images", "j1/images/0", "not an object"),
        ),
        (
            "/jobs/j1",
            {"uuid": "j1", "subjects": {"s9": None}},
            ("subjects", "j1/job_details/0", "not an object"),
        ),
        (
            KEYS.format("s1"),
            [{"code": "x"}],
            ("access_keys", "j1/s1", "an access key is an object without a key"),
        ),
    ],
)
def test_any_entity_can_be_quarantined(
    tmp_path: Path, path: str, body: Any, found: tuple[str, str, str]
) -> None:
    with serve(studio() | {path: body}) as portal:
        load(portal.base_url, tmp_path)
    assert quarantined(tmp_path) == {found}


def test_a_quarantined_job_or_user_still_has_a_row(tmp_path: Path) -> None:
    bad = b'{"uuid":"x","name":"\\ud800"}'
    with serve(studio() | {"/jobs/j1": bad, "/users/u1": bad}) as portal:
        load(portal.base_url, tmp_path)
    assert {row[:2] for row in quarantined(tmp_path)} == {
        ("jobs", "j1"),
        ("users", "u1"),
    }
    (job,), (user,) = landed(tmp_path, "jobs"), landed(tmp_path, "users")
    assert (job["job_uuid"], job["is_gone"], job["name"]) == ("j1", False, None)
    assert (user["user_uuid"], user["is_gone"], user["name"]) == ("u1", False, None)


@pytest.mark.parametrize(
    ("rows", "bad", "fails"),
    [(3, 1, False), (3, 2, True), (200, 2, False), (200, 3, True)],
)
def test_too_many_quarantined_rows_fail_the_load(
    tmp_path: Path, rows: int, bad: int, fails: bool
) -> None:
    subjects = [{"uuid": f"s{n}"} for n in range(rows - bad)] + [{}] * bad
    routes = studio() | {BUYERS: subjects, NON_BUYERS: [], "/jobs/j1/users": []}
    with serve(routes) as portal:
        if fails:
            with pytest.raises(PortalError, match=f"{bad} rows of subjects are quar"):
                load(portal.base_url, tmp_path)
        else:
            load(portal.base_url, tmp_path)
    assert (tmp_path / "current").exists() is not fails


# Odd ids


ODD = [
    "../../etc",
    "..",
    "a/b?c#d%2F",
    "x\r\nX-Evil: 1",
    "'; drop table--",
    "é\x00",
    "*",
]


def test_odd_ids_stay_where_they_belong(tmp_path: Path) -> None:
    jobs = [activity(f"a{n}", job) for n, job in enumerate(ODD)]
    with serve({"/activities/search": jobs}) as portal:
        for one in ODD:
            path = f"/jobs/{segment(one)}"
            portal.routes[path] = {"uuid": one, "name": one}
            portal.routes[f"{path}/subjects"] = [{"uuid": one, "email": "x"}]
            portal.routes[f"{path}/users"] = [{"subjectUuid": one, "userUuid": one}]
            portal.routes[f"{path}/subjects/{segment(one)}/accesskeys"] = [one]
            portal.routes[f"/users/{segment(one)}"] = {"uuid": one}
        load(portal.base_url, tmp_path)
    assert {row["job_uuid"] for row in landed(tmp_path, "jobs")} == set(ODD)
    assert {row["user_uuid"] for row in landed(tmp_path, "users")} == set(ODD)
    keys = landed(tmp_path, "access_keys")
    assert {(r["subject_uuid"], *r["access_keys"]) for r in keys} == set(
        zip(ODD, ODD, strict=True)
    )
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        ".staging",
        "current",
        "loads",
    ]

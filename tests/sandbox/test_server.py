"""The portal's API over real HTTP: endpoints, credentials, envelopes and pages."""

import base64
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any
from urllib.parse import quote, urljoin

import httpx
import pytest

from extract.sandbox import (
    SANDBOX_PASSWORD,
    SANDBOX_USERNAME,
    Sandbox,
    World,
    generate,
    serve,
)
from tests.sandbox.raw import IMAGE_FIELDS, TODAY

AUTH = (SANDBOX_USERNAME, SANDBOX_PASSWORD)
WITH_IMAGES = "include_images=true&include_favorite_image=true"
ON_SALE = "/activities/search?status_id=in-webshop"


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.url, auth=AUTH) as opened:
        yield opened


def unwrapped(body: Any) -> tuple[str, Any]:
    """The envelope of an answer, and what it holds."""
    if isinstance(body, dict) and body.get("success") is True:
        return "success", body["data"]
    if isinstance(body, dict) and set(body) <= {"data", "meta", "next"}:
        return "data", body["data"]
    if isinstance(body, dict) and "results" in body:
        return "results", body["results"]
    return "bare", body


def bodies(client: httpx.Client, key: str, path: str) -> list[Any]:
    """All pages of a list, followed as a client follows them."""
    root = f"/{key}/api/v1"
    address: str | None = root + path
    found: list[Any] = []
    while address:
        response = client.get(address)
        assert response.status_code == 200, address
        found.append(response.json())
        address = next_address(found[-1])
        if address and address.startswith(("/jobs/", "/activities/")):
            address = root + address
        assert len(found) < 100
    return found


def next_address(body: Any) -> str | None:
    if not isinstance(body, dict):
        return None
    return (body.get("meta") or {}).get("next") or body.get("next")


def rows(client: httpx.Client, key: str, path: str) -> list[Any]:
    return [row for body in bodies(client, key, path) for row in unwrapped(body)[1]]


def distinct(found: list[Any]) -> list[Any]:
    return [row for n, row in enumerate(found) if row not in found[:n]]


def list_paths(world: World) -> list[tuple[str, str]]:
    """The portal and path of every list of the world."""
    paths = [(key, ON_SALE) for key in world["portals"]]
    for key, portal in world["portals"].items():
        for job in portal["jobs"]:
            subjects = f"/jobs/{job}/subjects?{WITH_IMAGES}&filter_has_order="
            paths += [(key, subjects + "true"), (key, subjects + "false")]
            paths.append((key, f"/jobs/{job}/users"))
    return paths


def in_world(portal: Any, path: str) -> Any:
    """What the world holds for a path of `list_paths`."""
    if path == ON_SALE:
        return portal["activities"]
    job = portal["jobs"][path.split("/")[2]]
    if path.endswith("/users"):
        return job["registrations"]
    return job["buyers" if path.endswith("true") else "non_buyers"]


@pytest.mark.parametrize("key", ["1", "2"])
def test_activities_on_sale(world: World, client: httpx.Client, key: str) -> None:
    expected = world["portals"][key]["activities"]
    assert distinct(rows(client, key, ON_SALE)) == expected
    assert rows(client, key, "/activities/search?status_id=archived") == []
    assert rows(client, key, "/activities/search") == []


@pytest.mark.parametrize("key", ["1", "2"])
def test_lists_of_a_job(world: World, client: httpx.Client, key: str) -> None:
    portal = world["portals"][key]
    for path in (path for of, path in list_paths(world) if of == key):
        assert distinct(rows(client, key, path)) == distinct(in_world(portal, path))
    for uuid, job in portal["jobs"].items():
        both = rows(client, key, f"/jobs/{uuid}/subjects?{WITH_IMAGES}")
        assert distinct(both) == distinct(job["buyers"] + job["non_buyers"])


@pytest.mark.parametrize("key", ["1", "2"])
def test_single_answers(world: World, client: httpx.Client, key: str) -> None:
    portal, root = world["portals"][key], f"/{key}/api/v1"
    for uuid, job in portal["jobs"].items():
        body = client.get(f"{root}/jobs/{uuid}").json()
        assert unwrapped(body)[1] == job["details"]
        for subject, answer in job["access_keys"].items():
            path = f"{root}/jobs/{uuid}/subjects/{subject}/accesskeys"
            body = client.get(path).json()
            assert answer in (body, unwrapped(body)[1])
    for uuid, user in list(portal["users"].items())[:40]:
        assert unwrapped(client.get(f"{root}/users/{uuid}").json())[1] == user


def test_answers_come_in_all_envelopes(world: World) -> None:
    users = [(k, u) for k, p in world["portals"].items() for u in list(p["users"])[:40]]
    with (
        serve(world, page_size=1000) as running,
        httpx.Client(base_url=running.url, auth=AUTH) as client,
    ):
        lists = [bodies(client, *path) for path in list_paths(world)]
        answers = [client.get(f"/{key}/api/v1/users/{uuid}") for key, uuid in users]
    assert {len(pages) for pages in lists} == {1}
    forms = {unwrapped(pages[0])[0] for pages in lists}
    assert forms == {"data", "success", "results", "bare"}
    forms = {unwrapped(answer.json())[0] for answer in answers}
    assert forms == {"data", "success", "bare"}


def test_image_fields_are_sent_only_when_asked_for(
    world: World, client: httpx.Client
) -> None:
    job = next(iter(world["portals"]["1"]["jobs"]))
    favorites = {name for name in IMAGE_FIELDS if "avorite" in name}

    def fields(query: str) -> set[str]:
        found = rows(client, "1", f"/jobs/{job}/subjects?{query}")
        return {name for row in found for name in row} & set(IMAGE_FIELDS)

    assert fields("") == set()
    assert fields("include_images=true") == set(IMAGE_FIELDS) - favorites
    assert fields("include_favorite_image=true") == favorites
    assert fields(WITH_IMAGES) == set(IMAGE_FIELDS)


# --- pages ---


def test_next_addresses_come_in_all_styles(
    world: World, sandbox: Sandbox, client: httpx.Client
) -> None:
    styles, ends = set(), set()
    for key, path in list_paths(world):
        pages = bodies(client, key, path)
        for body in pages[:-1]:
            address = next_address(body) or ""
            host = "absolute" if address.startswith(sandbox.url) else ""
            place = "meta" if "meta" in body else "top"
            styles.add((place, host or "/".join(address.split("/")[1:3])[:5]))
        if len(pages) > 1:
            last = pages[-1].get("meta", pages[-1])
            ends.add(last.get("next", "missing"))
    keys = ("1/api", "2/api")
    forms = {"absolute", "api/v", "jobs/"}
    assert {form for _, form in styles} >= forms
    assert {form for _, form in styles} & set(keys)
    assert {place for place, _ in styles} == {"meta", "top"}
    assert ends == {"missing", None, ""}


def test_a_next_address_is_used_as_sent(
    world: World, sandbox: Sandbox, client: httpx.Client
) -> None:
    """Also one without the portal's own path leads to the same portal's next page."""
    for key, path in list_paths(world):
        first = bodies(client, key, path)[0]
        address = next_address(first)
        if address and address.startswith("/api/v1/"):
            bare = client.get(urljoin(sandbox.url, address))
            with_path = client.get(f"/{key}{address}")
            assert bare.status_code == 200
            assert bare.json() == with_path.json()
            return
    pytest.fail("no address without the portal's own path")


def test_pages_can_overlap_be_short_or_empty(
    world: World, client: httpx.Client
) -> None:
    overlaps, empty, lengths = 0, 0, set()
    for key, path in list_paths(world):
        pages = [unwrapped(body)[1] for body in bodies(client, key, path)]
        overlaps += sum(a[-1:] == b[:1] != [] for a, b in pairwise(pages))
        empty += sum(not page for page in pages[:-1])
        lengths |= {len(page) for page in pages[:-1]}
    assert overlaps
    assert empty
    assert len(lengths - {0}) > 1
    assert max(lengths) <= 8


def test_a_list_answers_in_the_same_way_each_time(
    world: World, client: httpx.Client
) -> None:
    key, path = list_paths(world)[3]
    assert bodies(client, key, path) == bodies(client, key, path)


@pytest.mark.parametrize("size", [1, 2, 3, 40, 1000])
def test_every_page_size_sends_every_row(size: int) -> None:
    world = generate(3, 30, seed=9, today=TODAY)
    with (
        serve(world, page_size=size) as running,
        httpx.Client(base_url=running.url, auth=AUTH) as client,
    ):
        for key, path in list_paths(world):
            expected = distinct(in_world(world["portals"][key], path))
            assert distinct(rows(client, key, path)) == expected


# --- refusals ---


@pytest.mark.parametrize(
    "auth",
    [
        None,
        (SANDBOX_USERNAME, "other"),
        ("other", SANDBOX_PASSWORD),
        ("", ""),
    ],
)
def test_wrong_credentials_are_refused(sandbox: Sandbox, auth: Any) -> None:
    response = httpx.get(f"{sandbox.url}/1/api/v1{ON_SALE}", auth=auth)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Basic")
    assert response.headers["Content-Type"].startswith("application/json")
    assert "job" not in response.text


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
)
def test_only_get_is_answered(client: httpx.Client, method: str) -> None:
    response = client.request(method, f"/1/api/v1{ON_SALE}")
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/1",
        "/1/api/v1",
        "/1/api/v1/",
        "/1/api/v1/jobs",
        "/1/api/v1/activities",
        "/1/api/v2/activities/search",
        "/3/api/v1/activities/search?status_id=in-webshop",
        "/api/v1/activities/search?status_id=in-webshop",
        "/1/api/v1/activities/search?status_id=in-webshop&page=999",
        "/1/api/v1/activities/search?status_id=in-webshop&page=0",
        "/1/api/v1/activities/search?status_id=in-webshop&page=two",
        "/1/api/v1/jobs/none",
        "/1/api/v1/jobs/none/users",
        "/1/api/v1/users/none",
        "/1/api/v1/users/../users",
        "/1/api/v1/users/%2e%2e%2f",
    ],
)
def test_unknown_things_are_not_found(client: httpx.Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("application/json")
    assert response.json()["success"] is False


def test_a_missing_part_of_a_job_is_not_found(
    world: World, client: httpx.Client
) -> None:
    uuid, job = next(iter(world["portals"]["1"]["jobs"].items()))
    root = f"/1/api/v1/jobs/{uuid}"
    keyless = [r["uuid"] for r in job["buyers"] + job["non_buyers"]]
    keyless = [subject for subject in keyless if subject not in job["access_keys"]]
    paths = [f"{root}/subjects/{subject}/accesskeys" for subject in keyless]
    assert paths
    paths += [f"{root}/orders", f"{root}/subjects?filter_has_order=maybe"]
    paths.append(f"/2/api/v1/jobs/{uuid}")
    assert {client.get(path).status_code for path in paths} == {404}


def test_ids_are_unquoted() -> None:
    strange = "a/b ?#%\u00e9\ud800"[:-1]
    job = {"details": {"uuid": strange, "name": "lone \ud800"}, "buyers": []}
    job |= {"non_buyers": [], "registrations": [], "access_keys": {strange: ["K"]}}
    portal = {"activities": [], "jobs": {strange: job}, "users": {}}
    with serve({"portals": {"1": portal}}) as running:
        path = f"{running.url}/1/api/v1/jobs/{quote(strange, safe='')}"
        details = httpx.get(path, auth=AUTH)
        assert unwrapped(details.json())[1] == job["details"]
        keys = httpx.get(
            f"{path}/subjects/{quote(strange, safe='')}/accesskeys", auth=AUTH
        )
        assert unwrapped(keys.json())[1] == ["K"]


@pytest.mark.parametrize("place", [b"users/\xff", b"activities/search?status_id=\xff"])
def test_bytes_that_are_not_text_are_refused(sandbox: Sandbox, place: bytes) -> None:
    token = base64.b64encode(":".join(AUTH).encode())
    request = b"GET /1/api/v1/" + place + b" HTTP/1.1\r\nHost: x\r\n"
    request += b"Connection: close\r\nAuthorization: Basic " + token + b"\r\n\r\n"
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=10) as raw:
        raw.sendall(request)
        answer = raw.makefile("rb").read()
    assert answer.split()[1] == b"400"


# --- running ---


def test_requests_are_counted(world: World) -> None:
    with serve(world, latency_ms=200) as running:
        assert running.requests == 0
        url = f"{running.url}/1/api/v1{ON_SALE}"
        with ThreadPoolExecutor(5) as pool:
            answers = list(pool.map(lambda _: httpx.get(url, auth=AUTH), range(5)))
        assert {answer.status_code for answer in answers} == {200}
        assert httpx.get(url).status_code == 401
        assert running.requests == 6
        assert 1 < running.peak_in_flight <= 5


def test_the_port_is_free_again_afterwards(world: World) -> None:
    with serve(world) as running:
        httpx.get(running.url)
        port = running.port
        assert running.url == f"http://127.0.0.1:{port}"
    with pytest.raises(httpx.ConnectError):
        httpx.get(running.url)
    with serve(world, port=port) as again:
        assert again.port == port


def test_two_sandboxes_run_side_by_side(world: World) -> None:
    with serve(world) as one, serve(world) as other:
        assert one.port != other.port
        httpx.get(one.url)
        assert (one.requests, other.requests) == (1, 0)


def test_a_taken_port_is_an_error(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=str(port)), serve(world, port=port):
            pass


def test_a_large_world_is_served_as_it_is_asked_for() -> None:
    world = generate(1000, 20, seed=1, today=TODAY)
    with serve(world) as running:
        client = httpx.Client(base_url=running.url, auth=AUTH)
        activities = distinct(rows(client, "2", ON_SALE))
        job = activities[-1]["job"]["uuid"]
        registered = rows(client, "2", f"/jobs/{job}/users")
        known = world["portals"]["2"]["jobs"][job]["registrations"]
        assert distinct(registered) == distinct(known)
        client.close()
    assert len({row["job"]["uuid"] for row in activities}) == 1000


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_runs_until_a_signal(number: signal.Signals) -> None:
    code = (
        "from datetime import date\n"
        "from extract.sandbox import generate, run_forever\n"
        "world = generate(1, 5, 1, date(2026, 3, 15))\n"
        "run_forever(world, 0, 0, 100, lambda url: print(url, flush=True))\n"
    )
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with httpx.Client(auth=AUTH) as client:
            assert client.get(f"{url}/1/api/v1{ON_SALE}").status_code == 200
            process.send_signal(number)
            output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, errors) == (0, "", "")

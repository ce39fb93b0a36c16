"""`sms extract check`: for each kind of answer, one line that says what is wrong."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from common.seeds import COLUMNS
from tests.extract.fake_portal import BASE, FakePortal, serve, serve_tls
from tests.extract.loading import SECRETS, Ended, activity, credentials, extract

LATER = "the portal is at fault: try again later"
URL = "check base_url in seeds/portals.csv"
NETWORK = "check the network, and base_url in seeds/portals.csv"


async def silence(_: object) -> None:
    """Never answer."""
    await asyncio.sleep(60)


# By portal: what it answers, and what is to be said of it.
WRONG: dict[str, tuple[Any, str]] = {
    "unknown": (
        401,
        "the credentials were refused (401): check PORTAL_USERNAME and "
        "PORTAL_PASSWORD, or what PORTAL_SECRET names",
    ),
    "forbidden": (
        403,
        "the credentials were refused (403): ask the portal's support whether this "
        "user is allowed to read the API",
    ),
    "missing": (404, f"answered 404: {URL}"),
    "busy": (429, "answered 429: try again later, and with a lower --rate"),
    "broken": (500, f"answered 500: {LATER}"),
    "moved": (
        (302, {"Location": "https://shop.example/login"}),
        "answered a redirect (302), which is not followed: "
        f"it leads to https://shop.example: {URL}",
    ),
    "website": (b"<html></html>", f"answered a body that is not JSON: {URL}"),
    "other": (
        {"hello": 1},
        f"unexpected shape: no list where one was expected: {URL}",
    ),
    "silent": (silence, f"no complete answer within 3 seconds: {NETWORK}"),
}


def check(folder: Path, origins: Mapping[str, str], *options: str) -> Ended:
    """Check portals at these origins."""
    lines = [f"{k},{at}{BASE},Studio,US,USA,webshop" for k, at in origins.items()]
    (folder / "seeds").mkdir()
    seed = "\n".join([",".join(COLUMNS), *lines, ""])
    (folder / "seeds" / "portals.csv").write_text(seed)
    arguments = ("check", "--timeout", "3s", *options)
    result = extract(folder, *arguments, env=credentials())
    said = result.stdout + result.stderr
    assert not [secret for secret in SECRETS if secret in said]
    return result


def test_each_portal_has_a_line_that_says_what_is_wrong(tmp_path: Path) -> None:
    page = {"data": [activity("a1", "j1")], "next": f"{BASE}/activities/search?page=2"}
    answers = {name: answer for name, (answer, _) in WRONG.items()} | {"right": page}
    portals: dict[str, FakePortal] = {}
    with serve({}) as gone:
        pass
    with ExitStack() as stack:
        for name, answer in answers.items():
            portal = serve({"/activities/search": answer})
            portals[name] = stack.enter_context(portal)
        origins = {name: portal.origin for name, portal in portals.items()}
        result = check(tmp_path, origins | {"gone": gone.origin})
    assert result.returncode == 20
    assert result.stderr == "sms: 10 of 11 portals cannot be read\n"
    *wrong, right, refused = result.stdout.splitlines()
    assert wrong == [f"{name:<9}  WRONG  {words}" for name, (_, words) in WRONG.items()]
    assert right.startswith("right      right  answers in ")
    assert right.endswith(" s; activities on sale: at least 1")
    assert refused == f"gone       WRONG  it refused the connection: {URL}"
    assert [len(portal.seen) for portal in portals.values()] == [1] * len(portals)


def test_readable_portals_exit_with_0(tmp_path: Path) -> None:
    with serve({"/activities/search": []}) as portal:
        result = check(tmp_path, {"studio": portal.origin})
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("studio  right  answers in ")
    assert result.stdout.endswith(" s; activities on sale: 0\n")


def test_the_findings_are_printed_as_json(tmp_path: Path) -> None:
    with serve({"/activities/search": []}) as right, serve({}) as wrong:
        origins = {"right": right.origin, "wrong": wrong.origin}
        result = check(tmp_path, origins, "--json")
    assert result.returncode == 20
    good, bad = json.loads(result.stdout)
    assert (good["portal"], good["is_right"]) == ("right", True)
    assert good["message"].endswith("activities on sale: 0")
    message = f"answered 404: {URL}"
    assert bad == {"portal": "wrong", "is_right": False, "message": message}


@pytest.mark.skipif(which("openssl") is None, reason="makes a certificate by openssl")
def test_an_unsigned_certificate_is_reported(tmp_path: Path) -> None:
    with serve_tls(tmp_path) as server:
        result = check(tmp_path, {"studio": server.origin})
    assert result.returncode == 20
    assert result.stdout == (
        "studio  WRONG  its TLS certificate was not accepted: it must be valid, for "
        "this host, and from an authority known here\n"
    )
    assert not any(server.received)

"""One GET: what is retried, what is not, and what is never sent."""

import asyncio
import gzip
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from shutil import which
from tempfile import gettempdir
from typing import Any

import httpx
import pytest

from common.errors import NotFoundError, PortalError
from extract import body as body_module
from extract.attempts import retry_after
from extract.client import Ask, Credentials, Meter, connect
from extract.logs import open_log
from tests.extract.fake_portal import (
    BASE,
    Bytes,
    FakePortal,
    Turns,
    forever,
    say,
    serve,
    serve_bytes,
    serve_tls,
    whole,
)
from tests.extract.loading import IMPATIENT, PASSWORD, SECRETS, USERNAME, portal_at
from tests.extract.virtual_time import serve_in_virtual_time

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
GOOD = whole(b'{"uuid":"x"}')


def get(
    origin: str, *segments: str, meter: Meter | None = None, **patience: Any
) -> object:
    """Make one request, with little patience."""
    portal = portal_at(origin + BASE)
    meter = meter or Meter()

    async def ask() -> object:
        one = Ask(portal, Credentials(USERNAME, PASSWORD), rate=0, meter=meter)
        limits, folder = replace(IMPATIENT, **patience), Path(gettempdir())
        async with connect(one, 2, limits, folder, open_log("json")) as client:
            request = client.request(*(segments or ("jobs", "j")), job="j")
            return (await client.get(request, lambda body: body)).value

    return asyncio.run(ask())


def test_a_request_is_a_get_with_credentials_and_strict_paths() -> None:
    with serve_bytes(GOOD) as server:
        get(server.origin, "jobs", "../a b?c#d\r\nX: y", "subjects", "..")
    (head,) = server.received
    first, *lines = head.decode().split("\r\n")
    encoded = "/shop/api/v1/jobs/..%2Fa%20b%3Fc%23d%0D%0AX%3A%20y/subjects/%2E%2E"
    assert first == f"GET {encoded} HTTP/1.1"
    headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
    assert headers["authorization"] == f"Basic {SECRETS[1]}"
    assert headers["accept"] == "application/json"
    assert headers["accept-encoding"] == "gzip"
    assert "x" not in headers


PASSING: dict[str, Bytes] = {
    "closed at once": say(b""),
    "closed in the head": say(b"HTTP/1.1 200 O"),
    "no HTTP": say(b"hello\r\n\r\n"),
    "short body": say(HEAD + b'Content-Length: 100\r\n\r\n{"uuid":'),
    "short chunks": say(CHUNKED + b'8\r\n{"uuid":\r\n'),
    "truncated JSON": whole(b'{"uuid":"x"'),
    "empty body": whole(b""),
    "HTML with 200": whole(b"<html>busy</html>", b"Content-Type: text/html"),
    "not UTF-8": whole(b'{"uuid":"\xff"}'),
    "short gzip": whole(gzip.compress(b'{"uuid":"x"}')[:-9], b"Content-Encoding: gzip"),
    "no gzip": whole(b'{"uuid":"x"}', b"Content-Encoding: gzip"),
    "gzip and more": whole(
        gzip.compress(b'{"uuid":"x"}') + b"x", b"Content-Encoding: gzip"
    ),
    "endless head": forever(b"HTTP/1.1 200 OK\r\n", b"X: " + b"a" * 60_000, 0),
    **{
        str(status): say(b"HTTP/1.1 %d Busy\r\nContent-Length: 0\r\n\r\n" % status)
        for status in (408, 500, 502, 503, 504, 599)
    },
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_transient_failures_are_retried(fault: Bytes) -> None:
    meter = Meter()
    with serve_bytes(fault, fault, GOOD) as server:
        assert get(server.origin, meter=meter) == {"uuid": "x"}
    assert (meter.requests, meter.retries) == (3, 2)


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_a_permanent_failure_names_its_place(fault: Bytes) -> None:
    meter = Meter()
    with (
        serve_bytes(fault) as server,
        pytest.raises(PortalError) as raised,
    ):
        get(server.origin, meter=meter)
    message = str(raised.value)
    assert message.startswith("portal studio, job j, GET /jobs/j: ")
    assert message.endswith(" (4 attempts)")
    assert meter.requests == IMPATIENT.attempts
    assert not any(secret in message for secret in SECRETS)


def test_a_portal_that_refuses_connections_is_an_error() -> None:
    with serve_bytes(GOOD) as server:
        pass
    with pytest.raises(PortalError, match=r"it refused the connection \(3 attempts\)"):
        get(server.origin)


def test_waits_grow_and_vary(capsys: pytest.CaptureFixture[str]) -> None:
    with (
        serve_in_virtual_time({"/jobs/j": 500}) as (portal,),
        pytest.raises(PortalError),
    ):
        get(portal.origin, attempts=6, first_wait=0.02, longest_wait=0.1)
    gaps = [b.at - a.at for a, b in zip(portal.seen, portal.seen[1:], strict=False)]
    assert len(gaps) == 5
    for gap, least in zip(gaps, (0.02, 0.04, 0.08, 0.1, 0.1), strict=True):
        # The difference of two times is not exact.
        assert round(gap, 9) >= least
    assert capsys.readouterr().out.count('"event": "retry"') == 5


def test_retries_have_a_budget() -> None:
    meter = Meter(requests=10, retries=2)
    with serve({"/jobs/j": 500}) as portal:
        with pytest.raises(PortalError, match="more than 4 retries so far"):
            get(portal.origin, meter=meter, spare_retries=2, retry_share=0.2)
        assert len(portal.seen) == 3


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_stop_at_once(status: int) -> None:
    with serve({"/jobs/j": status}) as portal:
        with pytest.raises(PortalError, match=rf"were refused \({status}\)$"):
            get(portal.origin)
        assert len(portal.seen) == 1


@pytest.mark.parametrize("status", [404, 410])
def test_a_missing_object_has_its_own_error(status: int) -> None:
    with serve({"/jobs/j": status}) as portal:
        with pytest.raises(NotFoundError, match=f"answered {status}$"):
            get(portal.origin)
        assert len(portal.seen) == 1


@pytest.mark.parametrize("status", [204, 304, 400, 405, 418])
def test_any_other_status_is_an_error_at_once(status: int) -> None:
    with serve({"/jobs/j": status}) as portal:
        with pytest.raises(PortalError, match=f"answered {status}$"):
            get(portal.origin)
        assert len(portal.seen) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_redirect_is_not_followed(status: int, elsewhere: bool) -> None:
    with serve_bytes(GOOD) as other, serve({}) as portal:
        place = (other if elsewhere else portal).origin + BASE + "/users/u"
        portal.routes["/jobs/j"] = (status, {"Location": place})
        with pytest.raises(PortalError, match=rf"a redirect \({status}\)"):
            get(portal.origin)
        assert other.received == []
        assert len(portal.seen) == 1


def test_proxies_of_the_environment_are_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serve_bytes(GOOD) as proxy, serve_bytes(GOOD) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.origin)
        get(server.origin)
    assert proxy.received == []
    assert len(server.received) == 1


# Size and time


def test_a_compressed_body_is_read() -> None:
    body = gzip.compress(b'{"uuid":"x"}')
    with serve_bytes(whole(body, b"Content-Encoding: gzip")) as server:
        assert get(server.origin) == {"uuid": "x"}


def bomb(size: int) -> bytes:
    """Compress this many spaces."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(b" " * 1_000_000) for _ in range(size // 1_000_000)]
    return b"".join([*parts, packer.flush()])


def test_a_compressed_bomb_is_not_unpacked() -> None:
    body = bomb(300_000_000)
    held: list[int] = []
    inflated = body_module._inflated

    def watched(inflate: Any, chunk: bytes, most: int) -> bytes:
        found = inflated(inflate, chunk, most)
        held.append(len(found))
        return found

    with (
        pytest.MonkeyPatch.context() as patch,
        serve_bytes(whole(body, b"Content-Encoding: gzip")) as server,
    ):
        patch.setattr(body_module, "_inflated", watched)
        with pytest.raises(PortalError, match=r"more than 3,000,000 bytes$"):
            get(server.origin, body_cap=3_000_000)
    assert sum(held) == 3_000_001
    assert max(held) == body_module.PIECE
    assert len(server.received) == 1


@pytest.mark.parametrize("encoding", [b"gzip, gzip", b"br", b"zstd", b"deflate"])
def test_an_encoding_that_was_not_asked_for_is_refused(encoding: bytes) -> None:
    answer = whole(b"[]", b"Content-Encoding: " + encoding)
    with (
        serve_bytes(answer) as server,
        pytest.raises(PortalError, match=r"not asked for$"),
    ):
        get(server.origin)


def test_an_endless_body_is_cut_off() -> None:
    chunk = b"%x\r\n%s\r\n" % (65536, b" " * 65536)
    with serve_bytes(forever(CHUNKED, chunk, 0)) as server:
        with pytest.raises(PortalError, match=r"more than 2,000,000 bytes$"):
            get(server.origin, body_cap=2_000_000)
        assert len(server.received) == 1


@pytest.mark.parametrize(
    "fault",
    [
        forever(HEAD, b"X: y\r\n", 0.05),
        forever(CHUNKED, b"1\r\n \r\n", 0.05),
        forever(b"", b"", 0.05),
        forever(HEAD + b"Content-Encoding: gzip\r\n\r\n", b"", 0.05),
    ],
    ids=["dripping head", "dripping body", "silence", "half a body"],
)
def test_the_whole_request_has_a_deadline(fault: Bytes) -> None:
    with (
        serve_bytes(fault) as server,
        pytest.raises(PortalError, match=r"within 0.3 seconds \(2 attempts\)"),
    ):
        get(server.origin, request_deadline=0.3, attempts=2)


def test_endless_nesting_is_a_clear_error() -> None:
    with (
        serve_bytes(whole(b"[" * 200_000)) as server,
        pytest.raises(PortalError, match="not JSON"),
    ):
        get(server.origin)


# 429


def throttled(value: str | None, status: int = 429, **headers: str) -> Any:
    """Answer 429 once, then 200."""
    told = {} if value is None else {"Retry-After": value}
    return Turns((status, told | headers), {"uuid": "x"})


def in_future(seconds: float) -> str:
    """Return an HTTP date."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("route", "least", "most"),
    [
        (throttled("1"), 1.0, 1.9),
        (throttled("0.3", 503), 0.3, 1.2),
        (throttled("0"), 0.0, 0.9),
        (throttled("-5"), 0.0, 0.9),
        (throttled(in_future(-3600)), 0.0, 0.9),
        (throttled("soon"), 0.05, 0.9),
        (throttled("nan"), 0.05, 0.9),
        (throttled(""), 0.05, 0.9),
        (throttled(None), 0.05, 0.9),
        (
            throttled(
                "Wed, 01 Jan 2020 00:00:01 GMT", Date="Wed, 01 Jan 2020 00:00:00 GMT"
            ),
            1.0,
            1.9,
        ),
    ],
)
def test_retry_after_is_honoured(route: Any, least: float, most: float) -> None:
    with serve_in_virtual_time({"/jobs/j": route}) as (portal,):
        assert get(portal.origin) == {"uuid": "x"}
    first, second = portal.seen
    assert least <= second.at - first.at <= most


@pytest.mark.parametrize(
    "value",
    ["3", "86400", "9" * 400, in_future(86400)],
    # Two processes that share the tests must call them the same.
    ids=["seconds", "day", "huge", "date"],
)
def test_a_wait_above_the_cap_is_a_clear_error(value: str) -> None:
    with serve({"/jobs/j": throttled(value)}) as portal:
        with pytest.raises(PortalError, match="429 and asks to wait longer than 2 sec"):
            get(portal.origin)
        assert len(portal.seen) == 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        ("+3", 3),
        ("1e3", None),
        ("0x10", None),
        ("٣", 3),
        ("Wed, 99 Foo 2020", None),
        ("Wed, 01 Jan 2020 00:01:00 -0000", 60),
        ("Wed, 01 Jan 99999 00:01:00 GMT", None),
    ],
)
def test_retry_after_is_read_or_not(text: str, seconds: float | None) -> None:
    now = "Wed, 01 Jan 2020 00:00:00 GMT"
    headers = httpx.Headers([(b"Retry-After", text.encode()), (b"Date", now.encode())])
    assert retry_after(headers) == seconds


# TLS


@pytest.mark.skipif(which("openssl") is None, reason="makes a certificate by openssl")
def test_a_certificate_that_cannot_be_verified_is_refused_at_once(
    tmp_path: Path,
) -> None:
    meter = Meter()
    with (
        serve_tls(tmp_path) as server,
        pytest.raises(PortalError, match=r"TLS certificate was not accepted$"),
    ):
        get(server.origin, meter=meter)
    assert meter.requests == 1
    assert not any(server.received)


def test_connections_are_reused() -> None:
    connections: set[Any] = set()

    async def answer(request: Any) -> Any:
        connections.add(request.transport)
        return await FakePortal({}).handle(request)

    with serve({"/jobs/j": answer}) as portal:

        async def ask() -> None:
            credentials = Credentials(USERNAME, PASSWORD)
            one = Ask(portal_at(portal.base_url), credentials, rate=0)
            folder = Path(gettempdir())
            async with connect(one, 1, IMPATIENT, folder, open_log("json")) as client:
                for _ in range(5):
                    with pytest.raises(NotFoundError):
                        await client.get(client.request("jobs", "j"), lambda body: body)

        asyncio.run(ask())
    assert len(portal.seen) == 5
    assert len(connections) == 1

"""The sandbox's HTTP server: the portal's API, answered from a world."""

import asyncio
import json
import re
import signal
from base64 import b64encode
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Thread
from typing import Final
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from extract.sandbox import SANDBOX_PASSWORD, SANDBOX_USERNAME
from extract.sandbox.exchange import Connection
from extract.sandbox.faults import FAULTS, Playing
from extract.sandbox.paging import PAGES, WHOLE_PAGES, Asked, page, wrap
from extract.sandbox.words import IMAGE_FIELDS, Row
from extract.sandbox.world import World

HOST: Final = "127.0.0.1"
CLOSING_SECONDS: Final = 2.0
FAVORITE_FIELDS: Final = tuple(name for name in IMAGE_FIELDS if "avorite" in name)
# The query that a subject's image fields are asked for by: favourites have their own.
INCLUDED_BY: Final = {False: "include_images", True: "include_favorite_image"}
LISTS: Final[Mapping[str | None, tuple[str, ...]]] = {
    "true": ("buyers",),
    "false": ("non_buyers",),
    None: ("buyers", "non_buyers"),
}
# No list is longer: all of it is one page.
ONE_PAGE: Final = 1_000_000_000

type Stop = Callable[[], Awaitable[None]]


@dataclass
class Sandbox:
    """A running sandbox.

    `requests` counts all requests, refused ones too, and `asked` the others by kind
    (extract.sandbox.faults.KINDS). `peak_in_flight` is the largest number of concurrent
    requests. `faults` can be changed while it runs.
    """

    world: World = field(repr=False)
    latency: float
    page_size: int
    faults: Sequence[Playing] = ()
    password: str = field(default=SANDBOX_PASSWORD, repr=False)
    whole_pages: bool = False
    url: str = ""
    port: int = 0
    requests: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    peak_in_flight: int = 0

    @property
    def authorization(self) -> str:
        """Return the expected value of the header Authorization."""
        pair = f"{SANDBOX_USERNAME}:{self.password}"
        return f"Basic {b64encode(pair.encode()).decode()}"


@contextmanager
def serve(
    world: World,
    port: int = 0,
    latency_ms: float = 0,
    page_size: int = 100,
    *,
    faults: Sequence[Playing] = (),
    password: str = SANDBOX_PASSWORD,
    whole_pages: bool = False,
) -> Iterator[Sandbox]:
    """Serve the world on loopback, in a separate thread, until the block ends.

    Port 0 takes a free one. Each answer waits `latency_ms`. A page has at most
    `page_size` rows; with `whole_pages`, all but the last have exactly as many. Of
    several faults that are due, the first is played. Raise OSError if the port is
    taken.
    """
    sandbox = Sandbox(
        world, latency_ms / 1000, page_size, faults, password, whole_pages
    )
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="sandbox", daemon=True)
    thread.start()
    try:
        start = asyncio.run_coroutine_threadsafe(_start(sandbox, port), loop)
        runner = start.result()
        try:
            yield sandbox
        finally:
            asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def run_forever(
    world: World,
    port: int = 0,
    latency_ms: float = 0,
    page_size: int = 100,
    on_ready: Callable[[str], object] | None = None,
    *,
    faults: Sequence[Playing] = (),
    whole_pages: bool = False,
) -> None:
    """Serve the world until SIGINT or SIGTERM; for the main thread of a command.

    `on_ready` gets the address once it answers. Raise OSError if the port is taken.
    """
    sandbox = Sandbox(
        world, latency_ms / 1000, page_size, faults, whole_pages=whole_pages
    )
    asyncio.run(_run_until_stopped(sandbox, port, on_ready))


async def _run_until_stopped(
    sandbox: Sandbox, port: int, on_ready: Callable[[str], object] | None
) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    runner = await _start(sandbox, port)
    try:
        if on_ready is not None:
            on_ready(sandbox.url)
        await stopped.wait()
    finally:
        await runner.cleanup()


async def _start(sandbox: Sandbox, port: int) -> web.ServerRunner:
    async def handle(request: web.BaseRequest) -> web.Response:
        return await _handle(sandbox, request, stop)

    async def stop() -> None:
        if site in runner.sites:
            await site.stop()

    server = web.Server(handle, access_log=None)
    runner = web.ServerRunner(server, shutdown_timeout=CLOSING_SECONDS)
    await runner.setup()
    site = web.TCPSite(runner, HOST, port)
    try:
        await site.start()
    except OSError:
        await runner.cleanup()
        raise
    sandbox.port = runner.addresses[0][1]
    sandbox.url = f"http://{HOST}:{sandbox.port}"
    return runner


async def _handle(
    sandbox: Sandbox, request: web.BaseRequest, stop: Stop
) -> web.Response:
    sandbox.requests += 1
    sandbox.in_flight += 1
    sandbox.peak_in_flight = max(sandbox.peak_in_flight, sandbox.in_flight)
    try:
        if sandbox.latency:
            await asyncio.sleep(sandbox.latency)
        return await _respond(sandbox, request, stop)
    finally:
        sandbox.in_flight -= 1


async def _respond(
    sandbox: Sandbox, request: web.BaseRequest, stop: Stop
) -> web.Response:
    if request.method != "GET":
        return _problem(405, "only GET is answered", {"Allow": "GET"})
    if request.headers.get("Authorization") != sandbox.authorization:
        challenge = {"WWW-Authenticate": 'Basic realm="sandbox"'}
        return _problem(401, "user name or password is wrong", challenge)
    asked = _asked(request)
    if asked is None:
        return _nothing()
    kind = _kind(asked)
    sandbox.asked[kind] += 1
    for fault in sandbox.faults:
        if fault.is_due(kind):
            return await _play(sandbox, fault, request, asked, stop)
    body = _answer(sandbox, asked)
    return _nothing() if body is None else _json(body)


async def _play(
    sandbox: Sandbox,
    fault: Playing,
    request: web.BaseRequest,
    asked: Asked,
    stop: Stop,
) -> web.Response:
    fault.played += 1
    whole = replace(sandbox, page_size=ONE_PAGE)
    answer = partial(_answer, whole)
    connection = Connection(request, asked, fault.argument, answer, stop)
    try:
        reply = await FAULTS[fault.name].play(connection)
    except LookupError:
        return _nothing()
    if reply is None:
        connection.close()
        return web.Response()
    headers = {"Content-Type": "application/json", **reply.headers}
    return web.Response(body=reply.body, status=reply.status, headers=headers)


def _kind(asked: Asked) -> str:
    """Return the kind of a request, as faults name it."""
    match asked.path.split("/")[1:]:
        case ["jobs", _]:
            return "job"
        case ["jobs", _, "subjects"]:
            return "subjects"
        case ["jobs", _, "users"]:
            return "registrations"
        case ["jobs", _, "subjects", _, "accesskeys"]:
            return "access-keys"
        case ["users", _]:
            return "user"
    return "activities"


def _asked(request: web.BaseRequest) -> Asked | None:
    """Return what is asked for at an address `/PORTAL/api/v1/...`, else None.

    An address without the portal's path names the portal in its query.
    """
    path, _, query_text = request.raw_path.partition("?")
    head, root, below = path.partition("/api/v1/")
    if not root:
        return None
    query = dict(parse_qsl(query_text, keep_blank_values=True))
    portal = unquote(head.removeprefix("/")) or query.get("portal", "")
    return Asked(request.host, portal, f"/{below}", query)


def _answer(sandbox: Sandbox, asked: Asked) -> object:
    """Return the body that answers a request; None if there is nothing."""
    portal = sandbox.world["portals"].get(asked.portal)
    if portal is None:
        return None
    match [unquote(part) for part in asked.path.split("/")[1:]]:
        case ["activities", "search"]:
            on_sale = asked.query.get("status_id") == "in-webshop"
            return _page(sandbox, portal["activities"] if on_sale else [], asked)
        case ["users", user]:
            return _wrapped(portal["users"].get(user), asked)
        case ["jobs", job, *rest] if job in portal["jobs"]:
            return _job_answer(sandbox, portal["jobs"][job], rest, asked)
    return None


def _job_answer(sandbox: Sandbox, job: Row, rest: list[str], asked: Asked) -> object:
    match rest:
        case []:
            return _wrapped(job["details"], asked)
        case ["users"]:
            return _page(sandbox, job["registrations"], asked)
        case ["subjects"]:
            return _subjects(sandbox, job, asked)
        case ["subjects", subject, "accesskeys"]:
            return _access_keys(job["access_keys"].get(subject), asked)
    return None


def _subjects(sandbox: Sandbox, job: Row, asked: Asked) -> object:
    """Return the order lists, without image fields that were not asked for."""
    lists = LISTS.get(asked.query.get("filter_has_order"))
    if lists is None:
        return None
    hidden = {
        name
        for name in IMAGE_FIELDS
        if asked.query.get(INCLUDED_BY[name in FAVORITE_FIELDS]) != "true"
    }
    rows = [row for name in lists for row in job[name]]
    if hidden:
        rows = [{k: row[k] for k in row if k not in hidden} for row in rows]
    return _page(sandbox, rows, asked)


def _access_keys(answer: object, asked: Asked) -> object:
    """Return a raw answer in an envelope; one under `data` has its own."""
    is_wrapped = isinstance(answer, dict) and "data" in answer
    return answer if is_wrapped else _wrapped(answer, asked)


def _wrapped(answer: object, asked: Asked) -> object:
    return None if answer is None else wrap(answer, asked)


def _page(sandbox: Sandbox, rows: list[Row], asked: Asked) -> object:
    number = asked.query.get("page", "1")
    if re.fullmatch(r"[0-9]{1,9}", number) is None:
        return None
    ways = WHOLE_PAGES if sandbox.whole_pages else PAGES
    return page(rows, int(number), sandbox.page_size, asked, ways)


def _json(
    body: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    return web.Response(
        body=json.dumps(body).encode(),
        status=status,
        headers=headers,
        content_type="application/json",
    )


def _nothing() -> web.Response:
    return _problem(404, "there is no such thing")


def _problem(
    status: int, message: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    return _json({"success": False, "message": message}, status, headers)

"""A small portal on loopback that counts requests and answers as a test says."""

import asyncio
import ssl
import subprocess
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

from aiohttp import web

HOST = "127.0.0.1"
BASE = "/shop/api/v1"

type Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
type Bytes = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Arrival:
    """One request as the portal saw it."""

    target: str
    headers: Mapping[str, str]
    at: float


@dataclass
class FakePortal:
    """A running portal: `routes` has the answers by path, below the base URL.

    A route is a JSON body, a status, a response, a handler, or `Turns` of these. The
    path may be with its query; without, it answers any query. `on_its_way` says how
    long the network takes to bring the requests for a path.
    """

    routes: dict[str, Any]
    latency: float = 0
    on_its_way: dict[str, float] = field(default_factory=dict)
    origin: str = ""
    seen: list[Arrival] = field(default_factory=list)
    in_flight: int = 0
    peak: int = 0

    @property
    def base_url(self) -> str:
        """Return the base URL for a seed."""
        return self.origin + BASE

    def asked(self, path: str) -> int:
        """Return the number of requests for a path, with any query."""
        return sum(self.path(one).partition("?")[0] == path for one in self.seen)

    @staticmethod
    def path(arrival: Arrival) -> str:
        """Return the path below the base URL, with its query."""
        return arrival.target.removeprefix(BASE)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Count the request and answer it."""
        path = request.raw_path.removeprefix(BASE)
        await asyncio.sleep(self.on_its_way.get(path, 0))
        now = asyncio.get_running_loop().time()
        self.seen.append(Arrival(request.raw_path, request.headers, now))
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            await asyncio.sleep(self.latency)
            route = self.routes.get(path, self.routes.get(path.partition("?")[0], 404))
            return await respond(route, request)
        finally:
            self.in_flight -= 1


class Turns:
    """Answers in turn; the last one is repeated."""

    def __init__(self, *routes: Any) -> None:
        self.routes = list(routes)

    def next(self) -> Any:
        """Return the next answer."""
        return self.routes.pop(0) if len(self.routes) > 1 else self.routes[0]


async def respond(route: Any, request: web.BaseRequest) -> web.StreamResponse:
    """Turn a route into a response."""
    if isinstance(route, Turns):
        route = route.next()
    if isinstance(route, int):
        return web.Response(status=route)
    if isinstance(route, tuple):
        status, headers = route
        return web.Response(status=status, headers=headers)
    if isinstance(route, bytes):
        return web.Response(body=route, content_type="application/json")
    if callable(route):
        response: web.StreamResponse = await route(request)
        return response
    return web.json_response(route)


@contextmanager
def _in_thread() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def serve(routes: dict[str, Any], latency: float = 0) -> Iterator[FakePortal]:
    """Serve a portal until the block ends."""
    portal = FakePortal(routes, latency)

    async def start() -> web.ServerRunner:
        runner = web.ServerRunner(web.Server(portal.handle), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, HOST, 0).start()
        portal.origin = f"http://{HOST}:{runner.addresses[0][1]}"
        return runner

    with _in_thread() as loop:
        runner = asyncio.run_coroutine_threadsafe(start(), loop).result()
        try:
            yield portal
        finally:
            asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()


@dataclass
class RawServer:
    """A listener that sends bytes; `received` has the request of each connection."""

    origin: str = ""
    received: list[bytes] = field(default_factory=list)


@contextmanager
def serve_bytes(*answers: Bytes) -> Iterator[RawServer]:
    """Answer each connection with the next answer; the last one is repeated."""
    listener, turns = RawServer(), Turns(*answers)

    async def connected(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        number = len(listener.received)
        listener.received.append(b"")
        try:
            listener.received[number] = await reader.readuntil(b"\r\n\r\n")
            await turns.next()(reader, writer)
        except ConnectionError:
            pass  # The other side has had enough.
        finally:
            writer.close()

    async def start() -> asyncio.Server:
        server = await asyncio.start_server(connected, HOST, 0)
        listener.origin = f"http://{HOST}:{server.sockets[0].getsockname()[1]}"
        return server

    async def stop(server: asyncio.Server) -> None:
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)

    with _in_thread() as loop:
        server = asyncio.run_coroutine_threadsafe(start(), loop).result()
        try:
            yield listener
        finally:
            asyncio.run_coroutine_threadsafe(stop(server), loop).result()


@contextmanager
def serve_tls(folder: Path) -> Iterator[RawServer]:
    """Listen with a self-signed certificate."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener, loop = RawServer(), asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def connected(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        listener.received.append(await reader.read())
        writer.close()

    async def start() -> asyncio.Server:
        server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        listener.origin = f"https://localhost:{port}"
        return server

    server = asyncio.run_coroutine_threadsafe(start(), loop).result()
    try:
        yield listener
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def say(data: bytes) -> Bytes:
    """Send some bytes, then close."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return answer


def whole(body: bytes, *headers: bytes) -> Bytes:
    """Send a whole answer of status 200, then close."""
    lines = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers]
    return say(b"\r\n".join([*lines, b"Connection: close", b"", body]))


def forever(head: bytes, more: bytes, pause: float) -> Bytes:
    """Send some bytes, then others again and again, with a pause after each."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(more)
            await writer.drain()
            await asyncio.sleep(pause)

    return answer

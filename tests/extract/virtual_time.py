"""Loads whose waits take no real time; their portals run in the same event loop.

The loop's clock stands still while anything can run or be read, and jumps to the next
timer when nothing can. Client and portal are in one loop, so neither waits for the
other in real time: what the portal sees is as it would be on a quiet machine.
"""

import asyncio
import selectors
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from tests.extract.fake_portal import HOST, FakePortal

# Real seconds for the system to bring what has been sent on loopback.
GRACE = 0.001


class _Selector(selectors.DefaultSelector):
    """A selector that lets the clock jump instead of waiting."""

    now = 0.0

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(GRACE if timeout is None or timeout > 0 else 0)
        if not found and timeout is not None:
            self.now += max(timeout, 0)
        return found


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now


class _Policy(asyncio.DefaultEventLoopPolicy):
    """An event loop policy whose loops serve the portals."""

    def __init__(self, portals: Sequence[tuple[FakePortal, socket.socket]]) -> None:
        super().__init__()
        self._portals = portals

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        loop = _Loop()
        for portal, listener in self._portals:
            loop.run_until_complete(_serve(portal, listener))
        return loop


async def _serve(portal: FakePortal, listener: socket.socket) -> None:
    runner = web.ServerRunner(web.Server(portal.handle))
    await runner.setup()
    await web.SockSite(runner, listener.dup()).start()


@contextmanager
def serve_in_virtual_time(
    *routes: dict[str, Any], latency: float = 0
) -> Iterator[list[FakePortal]]:
    """Serve a portal for each of the routes to every loop that the block runs."""
    portals = [FakePortal(one, latency) for one in routes]
    listeners = [socket.create_server((HOST, 0)) for _ in routes]
    for portal, listener in zip(portals, listeners, strict=True):
        portal.origin = f"http://{HOST}:{listener.getsockname()[1]}"
    before = asyncio.get_event_loop_policy()
    asyncio.set_event_loop_policy(_Policy([*zip(portals, listeners, strict=True)]))
    try:
        yield portals
    finally:
        asyncio.set_event_loop_policy(before)
        for listener in listeners:
            listener.close()

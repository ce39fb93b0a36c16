"""How fast one portal may be asked: in flight at once, a second, and when it says wait.

The rate is kept as the portal counts it, not as it is sent: a request that was delayed
on its way must not arrive in one second with a full second's worth of later ones. So a
request gives its place in the window back a second after its answer began, which is
after it arrived; or, for slow answers, a second after the time that a request may be
on its way. No N + 1 requests can then arrive within one second.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

WINDOW = 1.01
ON_ITS_WAY = 0.5


class Turn:
    """One request's leave to be sent, and its place in the window of the rate."""

    def __init__(self, window: asyncio.Semaphore | None) -> None:
        self._window = window
        self._release: asyncio.TimerHandle | None = None
        if window:
            self._release = asyncio.get_running_loop().call_later(
                ON_ITS_WAY + WINDOW, window.release
            )

    def answered(self) -> None:
        """Note that the answer has begun, so that the request has arrived."""
        loop = asyncio.get_running_loop()
        if (
            self._window
            and self._release
            and self._release.when() > loop.time() + WINDOW
        ):
            self._release.cancel()
            self._release = loop.call_later(WINDOW, self._window.release)


class Pace:
    """At most `concurrency` requests in flight, at most `rate` a second (0: any)."""

    def __init__(self, concurrency: int, rate: int) -> None:
        self._in_flight = asyncio.Semaphore(concurrency)
        self._window = asyncio.Semaphore(rate) if rate else None
        self._gap = 1 / rate if rate else 0.0
        self._next_at = 0.0
        self._resume_at = 0.0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Turn]:
        """Wait until a request may be sent; it is in flight within the block."""
        async with self._in_flight:
            if self._window:
                await self._window.acquire()
                await self._space_out()
            await self._sit_out_pauses()
            yield Turn(self._window)

    def pause(self, seconds: float) -> None:
        """Let nothing be sent for so long: what one request is told holds for all."""
        self._resume_at = max(
            self._resume_at, asyncio.get_running_loop().time() + seconds
        )

    async def _space_out(self) -> None:
        now = asyncio.get_running_loop().time()
        at = max(now, self._next_at)
        self._next_at = at + self._gap
        if at > now:
            await asyncio.sleep(at - now)

    async def _sit_out_pauses(self) -> None:
        loop = asyncio.get_running_loop()
        wait = self._resume_at - loop.time()
        while wait > 0:
            await asyncio.sleep(wait)
            wait = self._resume_at - loop.time()

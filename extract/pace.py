"""How fast a portal is asked: requests in flight, requests a second, and pauses.

The rate holds as the portal counts it, not as requests are sent: a request delayed on
its way must not arrive within one second of a full second's worth of later ones. So a
request frees its place in the window a second after its answer began; or, for slow
answers, a second after the longest time that a request takes to arrive. No N + 1
requests can then arrive within one second.

After a 429 the speed is halved, and then rises gradually.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

WINDOW = 1.01
ON_ITS_WAY = 0.5
SENT = "receive_response_headers.started"
# The longest gap between two requests: in seconds without a rate, or as a multiple of
# the rate's own gap. Each answer shortens the gap by the share RECOVERY.
LONGEST_GAP = 1 / 8
SLOWEST = 4
RECOVERY = 0.02
NO_GAP = 0.001


class Turn:
    """Permission to send one request, and its place in the window of the rate."""

    def __init__(self, window: asyncio.Semaphore | None) -> None:
        self._window = window
        self._release: asyncio.TimerHandle | None = None

    async def trace(self, event: str, _: object) -> None:
        """Note that httpcore has sent the request."""
        if event == SENT:
            self._free_in(ON_ITS_WAY + WINDOW)

    def answered(self) -> None:
        """Note that the answer has begun, so that the request has arrived."""
        self._free_in(WINDOW)

    def end(self) -> None:
        """Note the end of the request; it may have arrived though it failed."""
        if self._release is None:
            self._free_in(ON_ITS_WAY + WINDOW)

    def _free_in(self, seconds: float) -> None:
        if self._window is None:
            return
        loop = asyncio.get_running_loop()
        if self._release:
            if self._release.when() <= loop.time() + seconds:
                return
            self._release.cancel()
        self._release = loop.call_later(seconds, self._window.release)


class Pace:
    """At most `concurrency` requests in flight, at most `rate` a second (0: any)."""

    def __init__(self, concurrency: int, rate: int) -> None:
        self._in_flight = asyncio.Semaphore(concurrency)
        self._window = asyncio.Semaphore(rate) if rate else None
        self._least_gap = 1 / rate if rate else 0.0
        self._gap = self._least_gap
        self._next_at = 0.0
        self._resume_at = 0.0
        self._steady_from = 0.0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Turn]:
        """Wait for permission to send a request, which is in flight in the block."""
        async with self._in_flight:
            if self._window:
                await self._window.acquire()
            turn = Turn(self._window)
            try:
                await self._wait_for_a_place()
                yield turn
            finally:
                turn.end()
            self._speed_up()

    def pause(self, seconds: float) -> None:
        """Send nothing for this many seconds; the pause holds for all requests."""
        self._resume_at = max(
            self._resume_at, asyncio.get_running_loop().time() + seconds
        )

    def slow_down(self) -> None:
        """Halve the speed, once for all requests that were in flight together."""
        if asyncio.get_running_loop().time() < self._steady_from:
            return
        self._steady_from = self._resume_at
        longest = self._least_gap * SLOWEST or LONGEST_GAP
        self._gap = min(2 * self._gap or LONGEST_GAP, longest)

    def _speed_up(self) -> None:
        gap = self._gap * (1 - RECOVERY)
        self._gap = max(self._least_gap, gap if gap > NO_GAP else 0)

    async def _wait_for_a_place(self) -> None:
        """Keep the gap to the request before, also after a pause."""
        loop = asyncio.get_running_loop()
        while True:
            await self._sit_out_pauses()
            await self._space_out()
            if self._resume_at <= loop.time():
                return

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

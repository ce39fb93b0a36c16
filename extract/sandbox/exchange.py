"""A request to the sandbox for which a fault is played, and its connection."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from extract.sandbox.paging import Asked

# How many bytes a connection holds before it waits for the client, and how long.
MOST_HELD = 4 * 1024 * 1024
WAIT = 0.01
NO_LINGER = struct.pack("ii", 1, 0)


class Connection:
    """An `Exchange` of the sandbox's server.

    `answer` returns the portal's answer, `stop` ends its listening.
    """

    def __init__(
        self,
        request: web.BaseRequest,
        asked: Asked,
        argument: str,
        answer: Callable[[Asked], object],
        stop: Callable[[], Awaitable[None]],
    ) -> None:
        self.argument = argument
        self.path = asked.path
        page = asked.query.get("page", "")
        self.page = int(page) if page.isdecimal() else 1
        self._stop = stop
        self._asked = asked
        self._answer = answer
        self._own_path = request.raw_path.partition("?")[0]
        self._transport = request.transport

    def truth(self, target: str | None = None) -> object:
        """Return the answer without faults; LookupError if there is none."""
        path, mark, query = (target or self.path).partition("?")
        asked_for = dict(parse_qsl(query)) if mark else {**self._asked.query}
        asked_for.pop("page", None)
        asked = Asked(self._asked.host, self._asked.portal, path, asked_for)
        found = self._answer(asked)
        if found is None:
            raise LookupError
        return found

    def link(self, page: int) -> str:
        """Return the absolute address of another page."""
        query = urlencode({**self._asked.query, "page": str(page)})
        return f"http://{self._asked.host}{self._own_path}?{query}"

    def date(self, seconds: int) -> str:
        """Return the time in this many seconds."""
        return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), True)

    def send(self, data: bytes) -> None:
        """Write to the connection, unless the client has gone."""
        if self._transport and not self._transport.is_closing():
            self._transport.write(data)

    async def drip(self, head: bytes, more: bytes, pause: float) -> None:
        """Write again and again, at most as fast as the client reads."""
        self.send(head)
        while self._transport and not self._transport.is_closing():
            if self._transport.get_write_buffer_size() < MOST_HELD:
                self.send(more)
            await asyncio.sleep(pause or WAIT)

    async def stop_listening(self) -> None:
        """Accept no new connections."""
        await self._stop()

    def close(self) -> None:
        """Close the connection once all is written."""
        if self._transport:
            self._transport.close()

    def reset(self) -> None:
        """Send the rest, then a reset."""
        if self._transport:
            own = self._transport.get_extra_info("socket")
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            self._transport.abort()

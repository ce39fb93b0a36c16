"""The faults of a portal, which the sandbox plays by name.

A fault replaces the answer to one kind of request (KINDS). It returns a `Reply`, or
None if it has written to the connection itself.
"""

import json
import re
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Protocol
from urllib.parse import quote

from extract.sandbox.words import Row

KINDS: Final = (
    "activities",
    "job",
    "subjects",
    "registrations",
    "user",
    "access-keys",
    "any",
)
MIB: Final = 1024 * 1024
PAUSE: Final = 0.05
ON_SALE: Final = "/activities/search?status_id=in-webshop"
UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# The end of an odd id, which is unsafe in paths, addresses and headers.
ODD: Final = '/../..%2F?a=b#c\r\nX-Odd: "1'
OK: Final = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@dataclass(frozen=True)
class Reply:
    """An answer: a status, headers and a body."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Exchange(Protocol):
    """A request and its connection.

    `path` is below the base URL, and `page` is from 1.
    """

    argument: str
    path: str
    page: int

    def truth(self, target: str | None = None) -> object:
        """Return the answer for this or another path without faults, lists in one page.

        Raise LookupError if there is nothing.
        """

    def link(self, page: int) -> str:
        """Return the absolute address of another page of this path."""

    def date(self, seconds: int) -> str:
        """Return the time in this many seconds, as HTTP writes it."""

    def send(self, data: bytes) -> None:
        """Write to the connection."""

    async def drip(self, head: bytes, more: bytes, pause: float) -> None:
        """Write `head`, then `more` again and again until the client has gone."""

    def close(self) -> None:
        """Close the connection once all is written."""

    def reset(self) -> None:
        """Reset the connection."""

    async def stop_listening(self) -> None:
        """Accept no new connections."""


type Play = Callable[[Exchange], Awaitable[Reply | None]]


@dataclass(frozen=True)
class Fault:
    """A fault: its meaning, its function, and its usual kind of request.

    `argument` is its usual argument, a number or a text; None: it takes none.
    """

    meaning: str
    play: Play
    at: str
    argument: int | str | None


@dataclass
class Playing:
    """A fault in play, at most `times` times; 0: always."""

    name: str
    argument: str
    at: str
    times: int = 0
    played: int = 0

    def is_due(self, kind: str) -> bool:
        """Return whether it is played at the next request of a kind."""
        is_left = self.times == 0 or self.played < self.times
        return is_left and self.at in (kind, "any")


FAULTS: Final[dict[str, Fault]] = {}


def playing(text: str, at: str | None = None, times: int = 0) -> Playing:
    """Read NAME or NAME:ARG; ValueError says what is wrong."""
    name, _, argument = text.partition(":")
    if name not in FAULTS:
        raise ValueError(f"unknown fault {name!r}")
    fault = FAULTS[name]
    if argument and fault.argument is None:
        raise ValueError(f"{name} takes no argument")
    if isinstance(fault.argument, int) and not re.fullmatch("[0-9]{0,6}", argument):
        raise ValueError(f"{name} takes a number")
    if name == "dirt" and argument not in ("", *DIRT):
        raise ValueError(f"{name} takes one of {', '.join(DIRT)}")
    if at not in (None, *KINDS):
        raise ValueError(
            f"unknown kind of request {at!r}: must be one of {', '.join(KINDS)}"
        )
    usual = "" if fault.argument is None else str(fault.argument)
    return Playing(name, argument or usual, at or fault.at, times)


def _fault(
    name: str, meaning: str, at: str = "subjects", argument: int | str | None = None
) -> Callable[[Play], Play]:
    def note(play: Play) -> Play:
        FAULTS[name] = Fault(meaning, play, at, argument)
        return play

    return note


# The connection


@_fault("refused", "the connection breaks, and all later ones are refused")
async def _refused(exchange: Exchange) -> None:
    await exchange.stop_listening()
    exchange.reset()


@_fault(
    "closed", "closed after ARG bytes of the body; 0: before the answer", argument=0
)
async def _closed(exchange: Exchange) -> None:
    exchange.send(_part(exchange))
    exchange.close()


@_fault("reset", "reset after ARG bytes of the body; 0: before the answer", argument=0)
async def _reset(exchange: Exchange) -> None:
    exchange.send(_part(exchange))
    exchange.reset()


@_fault("short", "a Content-Length that is ARG bytes too large", argument=100)
async def _short(exchange: Exchange) -> None:
    body = _json(exchange.truth())
    length = len(body) + int(exchange.argument)
    exchange.send(f"{OK}Content-Length: {length}\r\n\r\n".encode() + body)
    exchange.close()


@_fault("dripping-head", "endless headers, sent slowly")
async def _dripping_head(exchange: Exchange) -> None:
    await exchange.drip(OK.encode(), b"X: y\r\n", PAUSE)


@_fault("dripping-body", "an endless body, sent slowly")
async def _dripping_body(exchange: Exchange) -> None:
    await exchange.drip(_chunked(), b"1\r\n \r\n", PAUSE)


@_fault("silent", "no answer at all")
async def _silent(exchange: Exchange) -> None:
    await exchange.drip(b"", b"", PAUSE)


@_fault("endless", "an endless body, at full speed")
async def _endless(exchange: Exchange) -> None:
    await exchange.drip(_chunked(), b"%x\r\n%s\r\n" % (MIB, b" " * MIB), 0)


def _part(exchange: Exchange) -> bytes:
    most = int(exchange.argument)
    if not most:
        return b""
    body = _json(exchange.truth())
    head = f"{OK}Content-Length: {len(body)}\r\n\r\n".encode()
    # Never all of it, which would not be a fault.
    return head + body[: min(most, len(body) - 1)]


def _chunked() -> bytes:
    return f"{OK}Transfer-Encoding: chunked\r\n\r\n".encode()


# The answer as a whole


@_fault("truncated", "only the first half of the JSON")
async def _truncated(exchange: Exchange) -> Reply:
    body = _json(exchange.truth())
    return Reply(body[: len(body) // 2])


@_fault("html", "an HTML page with status 200")
async def _html(_: Exchange) -> Reply:
    return Reply(b"<html>Back soon</html>", headers={"Content-Type": "text/html"})


@_fault("status", "status ARG and no body", argument=503)
async def _status(exchange: Exchange) -> Reply:
    return Reply(status=int(exchange.argument))


@_fault(
    "throttled",
    "status 429; ARG is Retry-After, where date+N or date-N is a date",
    argument="1",
)
async def _throttled(exchange: Exchange) -> Reply:
    value = exchange.argument
    if found := re.fullmatch(r"date([+-][0-9]+)", value):
        value = exchange.date(int(found[1]))
    return Reply(status=429, headers={"Retry-After": value})


@_fault("redirect", "status 302 to ARG", argument="http://localhost:9/")
async def _redirect(exchange: Exchange) -> Reply:
    return Reply(status=302, headers={"Location": exchange.argument})


@_fault("bomb", "a body of ARG MiB, compressed", "access-keys", 100)
async def _bomb(exchange: Exchange) -> Reply:
    body = _compressed(int(exchange.argument))
    return Reply(body, headers={"Content-Encoding": "gzip"})


@cache
def _compressed(mebibytes: int) -> bytes:
    pack = zlib.compressobj(wbits=zlib.MAX_WBITS + 16)
    parts = [pack.compress(b" " * MIB) for _ in range(mebibytes)]
    return b"".join([*parts, pack.flush()])


@_fault("bom", "a byte order mark before the JSON", "any")
async def _bom(exchange: Exchange) -> Reply:
    return Reply(b"\xef\xbb\xbf" + _json(exchange.truth()))


@_fault("gone", "404 for the first ARG jobs that are asked for", "any", 1)
async def _gone(exchange: Exchange) -> Reply:
    jobs = [row["job"]["uuid"] for row in _rows(exchange.truth(ON_SALE))]
    gone = [*dict.fromkeys(jobs)][: int(exchange.argument)]
    if any(f"/jobs/{job}" in exchange.path for job in gone):
        raise LookupError
    return Reply(_json(exchange.truth()))


@_fault("odd-ids", "every uuid ends in characters that are unsafe in a path", "any")
async def _odd_ids(exchange: Exchange) -> Reply:
    odd = json.dumps(ODD)[1:-1]
    body = json.dumps(exchange.truth(exchange.path.replace(quote(ODD, safe=""), "")))
    return Reply(UUID.sub(lambda found: found[0] + odd, body).encode())


# Pages


@_fault("overlapping", "pages that repeat the last row of the page before")
async def _overlapping(exchange: Exchange) -> Reply:
    return _cut(exchange, exchange.page - 1, size=2)


@_fault("repeated", "each page twice")
async def _repeated(exchange: Exchange) -> Reply:
    return _cut(exchange, (exchange.page - 1) // 2, size=1, times=2)


@_fault("short-pages", "one row a page, and every other page empty")
async def _short_pages(exchange: Exchange) -> Reply:
    is_empty = exchange.page % 2 == 0
    return _cut(exchange, (exchange.page - 1) // 2, size=1 - is_empty, times=2)


@_fault("circle", "the ARG-th page leads back to the first", argument=1)
async def _circle(exchange: Exchange) -> Reply:
    following = exchange.page % max(1, int(exchange.argument)) + 1
    return _linked(_rows(exchange.truth()), exchange.link(following))


@_fault("endless-pages", "every page has a next page")
async def _endless_pages(exchange: Exchange) -> Reply:
    return _linked(_rows(exchange.truth()), exchange.link(exchange.page + 1))


@_fault("next", "the next page is at ARG", argument="http://localhost:9/")
async def _next(exchange: Exchange) -> Reply:
    return _linked(_rows(exchange.truth()), exchange.argument)


def _cut(exchange: Exchange, start: int, size: int, times: int = 1) -> Reply:
    """Return the rows from `start` on, and a next page while any are left."""
    rows = _rows(exchange.truth())
    is_last = exchange.page >= times * len(rows)
    link = None if is_last else exchange.link(exchange.page + 1)
    return _linked(rows[start : start + size], link)


def _linked(rows: list[Row], link: str | None) -> Reply:
    return Reply(_json({"data": rows, "meta": {"next": link}}))


# Rows

DIRT: Final = {
    "nul": r'"note": "a\u0000b", ',
    "surrogate": r'"note": "\ud800", ',
    "duplicate": '"note": 1, "note": 2, ',
    "nan": '"price": NaN, ',
    "huge": '"price": 1' + "0" * 400 + ".5e999, ",
    "deep": '"note": ' + "[" * 100_000 + "]" * 100_000 + ", ",
    "new": '"shoe_size": {"eu": [41, null]}, ',
    "no-uuid": '"id": ',
}


@_fault("dirt", f"the first row of a list is dirty: {', '.join(DIRT)}", argument="nan")
async def _dirt(exchange: Exchange) -> Reply:
    dirt = DIRT[exchange.argument]
    return _first_row(exchange, dirt if dirt.endswith(": ") else f'{dirt}"uuid": ')


@_fault("retyped", "rows with other types in text fields")
async def _retyped(exchange: Exchange) -> Reply:
    dirty = {"first_name": ["x"], "phone_number": {"n": 1}, "delivery_1": 7}
    return _linked([row | dirty for row in _rows(exchange.truth())], None)


@_fault("giant", "the first row of a list has a field of ARG MiB", argument=5)
async def _giant(exchange: Exchange) -> Reply:
    giant = "x" * (MIB * int(exchange.argument))
    return _first_row(exchange, f'"note": "{giant}", "uuid": ')


def _first_row(exchange: Exchange, fields: str) -> Reply:
    """Put text before the uuid of the first row."""
    return Reply(_json(exchange.truth()).replace(b'"uuid": ', fields.encode(), 1))


# JSON


def _rows(answer: object) -> list[Row]:
    """Return the rows of a list in any envelope."""
    if isinstance(answer, dict):
        answer = answer.get("data", answer.get("results"))
    return answer if isinstance(answer, list) else []


def _json(value: object) -> bytes:
    return json.dumps(value).encode()

"""HTTP and nothing else: one GET, told apart, retried, paced, capped and timed.

The credentials are in the headers of one portal's client alone, which asks targets on
that portal's origin only; redirects are not followed, and no proxy, netrc or other
setting of the environment is looked at, for any of these could carry them elsewhere.
"""

import asyncio
import base64
import re
import ssl
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from typing import NoReturn
from urllib.parse import urlencode

import httpx
from structlog.typing import FilteringBoundLogger
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
)

from extract.errors import NotFoundError, PortalError
from extract.jsontext import MalformedError, parse
from extract.pace import Pace, Turn
from extract.portals import Portal
from extract.urls import next_target, segment

MIB = 1024 * 1024
PART_TIMEOUT = 120
GZIP = 16 + zlib.MAX_WBITS
SECONDS = re.compile(r"[+-]?\d+(\.\d+)?")
GONE = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
DENIED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
THROTTLED = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
PASSING = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, *THROTTLED)


@dataclass(frozen=True)
class Credentials:
    """What a portal is asked with. Never shown."""

    username: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True)
class Patience:
    """How long, how often and how much; seconds and bytes."""

    attempts: int = 8
    first_wait: float = 0.5
    longest_wait: float = 30
    default_pause: float = 1
    longest_pause: float = 120
    spare_retries: int = 200
    retry_share: float = 0.2
    request_deadline: float = 30
    details_deadline: float = 120
    run_deadline: float = 12 * 60 * 60
    body_cap: int = 32 * MIB
    details_cap: int = 256 * MIB
    page_cap: int = 10_000


@dataclass
class Meter:
    """What the reading of one portal has come to so far."""

    jobs: int = 0
    jobs_read: int = 0
    gone_jobs: int = 0
    requests: int = 0
    retries: int = 0
    rows: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Request:
    """One GET: where on the origin, how it is shown in messages, and its limits."""

    target: str
    shown: str
    job: str | None
    deadline: float
    cap: int


@dataclass(frozen=True)
class Answer[T]:
    """What an answer came to, and when (UTC, ISO 8601 with microseconds)."""

    value: T
    fetched_at: str


class _AttemptError(Exception):
    """One attempt failed, for a reason that asking again does not change."""


class _PassingError(_AttemptError):
    """One attempt failed, and the next may not."""


class _MissingError(_AttemptError):
    pass


class Client:
    """Asks one portal, and gives up as PortalError that says what was asked."""

    def __init__(
        self,
        lines: list[httpx.AsyncClient],
        *,
        portal: Portal,
        pace: Pace,
        meter: Meter,
        log: FilteringBoundLogger,
        patience: Patience,
    ) -> None:
        self.portal = portal
        self.meter = meter
        self.patience = patience
        self._lines = lines
        self._pace = pace
        self._log = log

    def request(
        self,
        *segments: str,
        job: str | None = None,
        query: dict[str, str] | None = None,
    ) -> Request:
        """Make the request for a path under the base URL."""
        shown = "/" + "/".join(segment(part) for part in segments)
        if query:
            shown += "?" + urlencode(query)
        return Request(
            target=self.portal.base_path + shown,
            shown=shown,
            job=job,
            deadline=self.patience.request_deadline,
            cap=self.patience.body_cap,
        )

    def follow(self, link: str, current: Request, page: int) -> Request:
        """Make the request for a `next` link, if it may be followed at all."""
        try:
            target = next_target(
                link, self.portal.origin, self.portal.base_path, current.target
            )
        except ValueError as error:
            self.fail(current, f"a next link that {error}")
        shown = f"{current.shown.partition(' page ')[0]} page {page}"
        return replace(current, target=target, shown=shown)

    async def get[T](self, request: Request, read: Callable[[object], T]) -> Answer[T]:
        """Ask until `read` takes the parsed body; NotFoundError on 404, PortalError.

        `read` raises ValueError with a reason for a shape that it does not know: the
        whole request, body and reading is then tried again.
        """
        patience = self.patience
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(_PassingError),
            stop=stop_after_attempt(patience.attempts),
            wait=wait_exponential_jitter(
                multiplier=patience.first_wait,
                max=patience.longest_wait,
                jitter=patience.first_wait,
            ),
            before_sleep=lambda state: self._note_retry(request, state),
            reraise=True,
        )
        try:
            return await retrying(self._attempt, request, read)
        except _AttemptError as error:
            attempts = retrying.statistics.get("attempt_number", 1)
            self.fail(request, str(error), attempts, isinstance(error, _MissingError))

    def fail(
        self, request: Request, reason: str, attempts: int = 1, missing: bool = False
    ) -> NoReturn:
        """Raise the error that names portal, job, request, reason and attempts."""
        job = f", job {segment(request.job)}" if request.job else ""
        tried = f" ({attempts} attempts)" if attempts > 1 else ""
        kind = NotFoundError if missing else PortalError
        raise kind(
            f"portal {self.portal.key}{job}, GET {request.shown}: {reason}{tried}"
        ) from None

    def _note_retry(self, request: Request, state: RetryCallState) -> None:
        self.meter.retries += 1
        reason = str(state.outcome.exception()) if state.outcome else ""
        self._log.warning(
            "retry",
            portal=self.portal.key,
            request=request.shown,
            reason=reason,
            attempt=state.attempt_number,
            wait=round(state.upcoming_sleep, 3),
        )
        patience = self.patience
        most = patience.spare_retries + patience.retry_share * self.meter.requests
        if self.meter.retries > most:
            self.fail(
                request,
                f"{reason}; more than {int(most)} retries so far",
                state.attempt_number,
            )

    async def _attempt[T](
        self, request: Request, read: Callable[[object], T]
    ) -> Answer[T]:
        try:
            async with self._pace.turn() as turn:
                self.meter.requests += 1
                async with asyncio.timeout(request.deadline):
                    body = await self._exchange(request, turn)
            fetched_at = utc_text(datetime.now(UTC))
            return Answer(read(parse(body)), fetched_at)
        except TimeoutError:
            raise _PassingError(
                f"no whole answer within {request.deadline:g} seconds"
            ) from None
        except httpx.TransportError as error:
            raise _transport_error(error) from None
        except httpx.InvalidURL:
            raise _AttemptError("is no URL that can be asked for") from None
        except MalformedError as error:
            raise _PassingError(f"answered {error}") from None
        except ValueError as error:
            raise _PassingError(f"unexpected shape: {error}") from None

    async def _exchange(self, request: Request, turn: Turn) -> bytearray:
        # A turn is one of as many as there are lines: one is free.
        line = self._lines.pop()
        try:
            url = self.portal.origin + request.target
            sent = httpx.Request("GET", url, headers=line.headers)
            response = await line.send(sent, stream=True)
            try:
                turn.answered()
                if response.status_code != HTTPStatus.OK:
                    await self._refuse(response, request)
                return await _read_body(response, request.cap)
            finally:
                await response.aclose()
        finally:
            self._lines.append(line)

    async def _refuse(self, response: httpx.Response, request: Request) -> NoReturn:
        status = response.status_code
        if status in GONE:
            # Read to its end, so that the connection can be used again.
            await _read_body(response, request.cap)
            raise _MissingError(f"answered {status}")
        if status in DENIED:
            raise _AttemptError(f"the credentials were refused ({status})")
        if response.has_redirect_location:
            raise _AttemptError(f"answered a redirect ({status}), never followed")
        if status in THROTTLED:
            self._pause(response)
        if status in PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _PassingError(f"answered {status}")
        raise _AttemptError(f"answered {status}")

    def _pause(self, response: httpx.Response) -> None:
        seconds = retry_after(response.headers)
        if seconds is None:
            seconds = self.patience.default_pause
        if seconds > self.patience.longest_pause:
            raise _AttemptError(
                f"answered {response.status_code} and asks to wait longer than "
                f"{self.patience.longest_pause:g} seconds"
            )
        self._pace.pause(seconds)
        self._log.warning(
            "portal_pauses", portal=self.portal.key, seconds=round(seconds, 3)
        )


def utc_text(at: datetime) -> str:
    """Write a time in UTC as ISO 8601 with microseconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@asynccontextmanager
async def open_lines(
    credentials: Credentials, concurrency: int
) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Open the lines to one portal: as many as requests may be in flight.

    Each has one connection: httpx looks through all connections of a pool, and asks the
    system about each, for every request, which doubles the cost of one.
    """
    pair = f"{credentials.username}:{credentials.password}".encode()
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "Authorization": f"Basic {base64.b64encode(pair).decode()}",
        "User-Agent": "sms-campaigns",
    }
    async with AsyncExitStack() as stack:
        lines = [_line(headers) for _ in range(concurrency)]
        for line in lines:
            await stack.enter_async_context(line)
        yield lines


def _line(headers: dict[str, str]) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        headers=headers,
        verify=_tls(),
        trust_env=False,
        follow_redirects=False,
        # For each part; the deadline of the whole request comes on top.
        timeout=PART_TIMEOUT,
        limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
    )


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


def retry_after(headers: httpx.Headers) -> float | None:
    """Read `Retry-After` as seconds from now; None if it says nothing readable.

    A date counts from the portal's own `Date`, so that clocks need not agree.
    """
    text = headers.get("retry-after", "").strip()
    if SECONDS.fullmatch(text):
        return max(0.0, float(text))
    at = _http_date(text)
    if at is None:
        return None
    now = _http_date(headers.get("date", "")) or datetime.now(UTC)
    return max(0.0, (at - now).total_seconds())


def _http_date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


async def _read_body(response: httpx.Response, cap: int) -> bytearray:
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip"):
        raise _AttemptError("answered in a content encoding that was not asked for")
    inflate = zlib.decompressobj(GZIP) if encoding == "gzip" else None
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += _inflated(inflate, chunk, cap + 1 - len(body)) if inflate else chunk
        if inflate and inflate.unused_data:
            raise _PassingError("answered a gzip body with something after it")
        if len(body) > cap:
            raise _AttemptError(f"answered more than {cap:,} bytes")
    if inflate and not inflate.eof:
        raise _PassingError("answered a gzip body that is not whole")
    return body


def _inflated(inflate: "zlib._Decompress", chunk: bytes, most: int) -> bytes:
    try:
        return inflate.decompress(chunk, most)
    except zlib.error:
        raise _PassingError("answered a gzip body that is broken") from None


def _transport_error(error: httpx.TransportError) -> _AttemptError:
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _AttemptError("its TLS certificate was not accepted")
        cause = cause.__cause__ or cause.__context__
    return _PassingError(f"the connection failed ({type(error).__name__})")

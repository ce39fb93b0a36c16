"""HTTP only: one GET, retried, paced, and limited in size and time.

A client sends the credentials to its portal's origin only. It follows no redirect and
ignores proxies, netrc and other settings of the environment, any of which could send
them elsewhere.
"""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlencode

import httpx
from structlog.typing import FilteringBoundLogger
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    wait_exponential_jitter,
)

from common.errors import ConfigError, NotFoundError, PortalError
from extract.attempts import (
    CHECK_NETWORK,
    CHECK_URL,
    THROTTLED,
    Again,
    AttemptError,
    DeniedError,
    MissingError,
    refusal,
    retry_after,
    transport_error,
)
from extract.body import MIB, read_body
from extract.jsonsplit import split
from extract.jsontext import Body, MalformedError
from extract.pace import Pace, Turn
from extract.portals import Portal
from extract.urls import next_target, segment

HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "User-Agent": "sms-campaigns",
}
# Seconds for each part; the deadline of the whole request comes on top.
PART_TIMEOUTS = httpx.Timeout(120, connect=10).as_dict()


@dataclass(frozen=True)
class Credentials:
    """A user name and a password. Never shown.

    `renew` returns newer credentials than the refused ones, if there are any.
    """

    username: str = field(repr=False)
    password: str = field(repr=False)
    renew: "Renew | None" = field(default=None, repr=False, compare=False)

    @property
    def header(self) -> str:
        """The value of the header Authorization."""
        pair = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


type Renew = Callable[[Credentials], Awaitable[Credentials | None]]


@dataclass(frozen=True)
class Patience:
    """The limits on retries, waits and sizes, in seconds and bytes."""

    attempts: int = 8
    short_attempts: int = 3
    first_wait: float = 0.5
    longest_wait: float = 30
    default_pause: float = 1
    longest_pause: float = 120
    spare_retries: int = 200
    retry_share: float = 0.2
    request_deadline: float = 30
    details_deadline: float = 120
    run_deadline: float = 12 * 60 * 60
    body_cap: int = 8 * MIB
    rows_cap: int = 256 * MIB
    page_cap: int = 10_000


@dataclass
class Meter:
    """The progress of reading one portal."""

    jobs: int = 0
    jobs_read: int = 0
    gone: list[str] = field(default_factory=list)
    requests: int = 0
    retries: int = 0

    @property
    def is_read(self) -> bool:
        """Whether all known jobs have been read."""
        return 0 < self.jobs == self.jobs_read

    @property
    def gone_jobs(self) -> int:
        """The number of jobs that were listed, but gone when they were read."""
        return len(self.gone)


@dataclass(frozen=True)
class Ask:
    """A portal to read, its credentials, and its requests a second (0: any)."""

    portal: Portal
    credentials: Credentials
    rate: int
    meter: Meter = field(default_factory=Meter)
    world: str = ""

    @property
    def source(self) -> str:
        """Where its rows come from; rows are only reused within one source.

        It is the address, or `world` if the sandbox plays the portal.
        """
        return self.world or self.portal.origin + self.portal.base_path


@dataclass(frozen=True)
class Request:
    """One GET: its target on the origin, its text in messages, and its limits."""

    target: str
    shown: str
    job: str | None
    deadline: float
    cap: int


@dataclass(frozen=True)
class Answer[T]:
    """A parsed answer, and its time (UTC, ISO 8601 with microseconds)."""

    value: T
    fetched_at: str


class Client:
    """Asks one portal; a PortalError says which request failed."""

    def __init__(
        self,
        lines: list[httpx.AsyncHTTPTransport],
        ask: Ask,
        patience: Patience,
        scratch: Path,
        log: FilteringBoundLogger,
    ) -> None:
        self.portal = ask.portal
        self.meter = ask.meter
        self.patience = patience
        self._lines = lines
        self._credentials = ask.credentials
        self._pace = Pace(len(lines), ask.rate)
        self._log = log
        self._scratch = scratch
        self._has_answered = False

    def request(
        self,
        *segments: str,
        job: str | None = None,
        query: dict[str, str] | None = None,
    ) -> Request:
        """Return the request for a path under the base URL."""
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
        """Return the request for a `next` link; PortalError if it is unsafe."""
        try:
            target = next_target(
                link, self.portal.origin, self.portal.base_path, current.target
            )
        except ValueError as error:
            self.fail(current, AttemptError(f"a next link that {error}"))
        shown = f"{current.shown.partition(' page ')[0]} page {page}"
        return replace(current, target=target, shown=shown)

    async def get[T](
        self,
        request: Request,
        read: Callable[[object], T],
        parse: Callable[[Body], object] = split,
    ) -> Answer[T]:
        """Return the parsed body as `read` converts it; NotFoundError, PortalError.

        `read` raises ValueError with a reason for an unknown shape. The whole request
        is then retried, but only a few times.
        """
        patience = self.patience
        retrying = AsyncRetrying(
            retry=retry_if_exception(_is_worth_another),
            stop=self._has_tried_enough,
            wait=wait_exponential_jitter(
                multiplier=patience.first_wait,
                max=patience.longest_wait,
                jitter=patience.first_wait,
            ),
            before_sleep=lambda state: self._note_retry(request, state),
            reraise=True,
        )
        try:
            return await retrying(self._attempt, request, read, parse)
        except AttemptError as error:
            self.fail(request, error, retrying.statistics.get("attempt_number", 1))

    def fail(
        self, request: Request, error: AttemptError, attempts: int = 1
    ) -> NoReturn:
        """Raise the error that names portal, job, request, reason and attempts."""
        job = f", job {segment(request.job)}" if request.job else ""
        tried = f" ({attempts} attempts)" if attempts > 1 else ""
        kind = NotFoundError if isinstance(error, MissingError) else PortalError
        raise kind(
            f"portal {self.portal.key}{job}, GET {request.shown}: {error}{tried}",
            str(error),
            error.advice,
        ) from None

    def _has_tried_enough(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        is_short = isinstance(error, AttemptError) and error.again is Again.SHORTLY
        most = self.patience.short_attempts if is_short else self.patience.attempts
        return state.attempt_number >= most

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
            told = AttemptError(f"{reason}; more than {int(most)} retries so far")
            self.fail(request, told, state.attempt_number)

    async def _attempt[T](
        self,
        request: Request,
        read: Callable[[object], T],
        parse: Callable[[Body], object],
    ) -> Answer[T]:
        body = await self._whole_body(request)
        fetched_at = utc_text(datetime.now(UTC))
        try:
            return Answer(read(parse(body)), fetched_at)
        except MalformedError as error:
            reason = f"answered {error}"
            raise AttemptError(reason, Again.PATIENTLY, CHECK_URL) from None
        except ValueError as error:
            reason = f"unexpected shape: {error}"
            raise AttemptError(reason, Again.SHORTLY, CHECK_URL) from None

    async def _whole_body(self, request: Request) -> Body:
        used = self._credentials
        try:
            return await self._body(request, used)
        except DeniedError:
            if not await self._renew(used):
                raise
        return await self._body(request, self._credentials)

    async def _renew(self, refused: Credentials) -> bool:
        """Switch to newer credentials; return whether there are any."""
        try:
            newer = await refused.renew(refused) if refused.renew else None
        except ConfigError as error:
            reason = (
                f"the credentials were refused and could not be read again: {error}"
            )
            raise AttemptError(reason) from None
        if newer:
            self._credentials = newer
            self._log.warning("credentials_renewed", portal=self.portal.key)
        return newer is not None

    async def _body(self, request: Request, credentials: Credentials) -> Body:
        try:
            async with self._pace.turn() as turn:
                self.meter.requests += 1
                async with asyncio.timeout(request.deadline):
                    return await self._exchange(request, credentials, turn)
        except TimeoutError:
            reason = f"no complete answer within {request.deadline:g} seconds"
            raise AttemptError(reason, Again.PATIENTLY, CHECK_NETWORK) from None
        except httpx.TransportError as error:
            raise transport_error(error, self.portal, self._has_answered) from None
        except httpx.InvalidURL:
            raise AttemptError("the URL cannot be requested") from None

    async def _exchange(
        self, request: Request, credentials: Credentials, turn: Turn
    ) -> Body:
        # There are as many lines as turns, so one is free.
        line = self._lines.pop()
        try:
            response = await line.handle_async_request(
                httpx.Request(
                    "GET",
                    self.portal.origin + request.target,
                    headers={**HEADERS, "Authorization": credentials.header},
                    extensions={"timeout": PART_TIMEOUTS, "trace": turn.trace},
                )
            )
            try:
                turn.answered()
                self._has_answered = True
                if response.status_code != HTTPStatus.OK:
                    await self._refuse(response, request)
                return await read_body(response, request.cap, self._scratch)
            finally:
                await response.aclose()
        finally:
            self._lines.append(line)

    async def _refuse(self, response: httpx.Response, request: Request) -> NoReturn:
        error = refusal(response)
        if isinstance(error, MissingError):
            # Read to its end, so that the connection can be reused.
            await read_body(response, request.cap, self._scratch)
        if response.status_code in THROTTLED:
            self._pause(response, error)
        raise error

    def _pause(self, response: httpx.Response, error: AttemptError) -> None:
        seconds = retry_after(response.headers)
        if seconds is None:
            seconds = self.patience.default_pause
        if seconds > self.patience.longest_pause:
            longest = f"{self.patience.longest_pause:g} seconds"
            raise AttemptError(
                f"{error} and asks to wait longer than {longest}", advice=error.advice
            )
        self._pace.pause(seconds)
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            self._pace.slow_down()
        self._log.warning(
            "portal_pauses", portal=self.portal.key, seconds=round(seconds, 3)
        )


def _is_worth_another(error: BaseException) -> bool:
    return isinstance(error, AttemptError) and error.again is not Again.NO


def utc_text(at: datetime) -> str:
    """Write a time in UTC as ISO 8601 with microseconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@asynccontextmanager
async def connect(
    ask: Ask,
    concurrency: int,
    patience: Patience,
    scratch: Path,
    log: FilteringBoundLogger,
) -> AsyncIterator[Client]:
    """Open the lines to one portal, one for each request in flight.

    Each has one connection: for every request, httpx checks all connections of a pool,
    which doubles the cost. A line is a transport, because cookies, redirects and hooks
    of a client cost time too. Large bodies are kept in the folder `scratch`.
    """
    async with AsyncExitStack() as stack:
        lines = [_line() for _ in range(concurrency)]
        for line in lines:
            await stack.enter_async_context(line)
        yield Client(lines, ask, patience, scratch, log)


def _line() -> httpx.AsyncHTTPTransport:
    return httpx.AsyncHTTPTransport(
        verify=_tls(),
        trust_env=False,
        limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
    )


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)

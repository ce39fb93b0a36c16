"""Why an attempt at a request failed, whether to retry it, and what to do about it.

The reason describes the failure; the advice is for the operator. Of the portal's
answer they hold only a status and an origin.
"""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from http import HTTPStatus
from re import compile as regex
from urllib.parse import urlsplit

import httpx

from extract.portals import Portal
from extract.urls import origin_of

SECONDS = regex(r"[+-]?\d+(\.\d+)?")
GONE = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
DENIED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
THROTTLED = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
PASSING = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, *THROTTLED)

ASK_LATER = "the portal is at fault: try again later"
CHECK_URL = "check base_url in seeds/portals.csv"
CHECK_NETWORK = "check the network, and base_url in seeds/portals.csv"
ADVICE: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: (
        "check PORTAL_USERNAME and PORTAL_PASSWORD, or what PORTAL_SECRET names"
    ),
    HTTPStatus.FORBIDDEN: (
        "ask the portal's support whether this user is allowed to read the API"
    ),
    HTTPStatus.NOT_FOUND: CHECK_URL,
    HTTPStatus.GONE: CHECK_URL,
    HTTPStatus.TOO_MANY_REQUESTS: "try again later, and with a lower --rate",
}


class Again(Enum):
    """Whether a failed request is retried."""

    NO = auto()
    # A few times: such a failure is rarely transient.
    SHORTLY = auto()
    PATIENTLY = auto()


class AttemptError(Exception):
    """One attempt failed."""

    def __init__(
        self, reason: str, again: Again = Again.NO, advice: str = ASK_LATER
    ) -> None:
        super().__init__(reason)
        self.again = again
        self.advice = advice


class MissingError(AttemptError):
    """The portal answered that this does not exist."""


class DeniedError(AttemptError):
    """The portal refused the user name or the password."""


def refusal(response: httpx.Response) -> AttemptError:
    """Return the error for an answer other than 200."""
    status = response.status_code
    advice = ADVICE.get(status, ASK_LATER)
    if status in GONE:
        return MissingError(f"answered {status}", advice=advice)
    if status in DENIED:
        is_unknown = status == HTTPStatus.UNAUTHORIZED
        kind = DeniedError if is_unknown else AttemptError
        return kind(f"the credentials were refused ({status})", advice=advice)
    if response.has_redirect_location:
        advice = _where_to(response)
        return AttemptError(
            f"answered a redirect ({status}), which is not followed", advice=advice
        )
    passes = status in PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    again = Again.PATIENTLY if passes else Again.NO
    return AttemptError(f"answered {status}", again, advice)


def _where_to(response: httpx.Response) -> str:
    try:
        origin = origin_of(urlsplit(response.headers["location"]))
    except ValueError:
        return CHECK_URL
    return f"it leads to {origin}: {CHECK_URL}"


def transport_error(
    error: httpx.TransportError, portal: Portal, has_answered: bool
) -> AttemptError:
    """Return the error for a failed connection.

    A server on this machine that has never answered is unlikely to start meanwhile.
    """
    causes = [*_causes(error)]
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        advice = "it must be valid, for this host, and from an authority known here"
        return AttemptError("its TLS certificate was not accepted", advice=advice)
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return AttemptError("its host was not found", Again.PATIENTLY, CHECK_NETWORK)
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        may_come_up = has_answered or not portal.is_local
        again = Again.PATIENTLY if may_come_up else Again.SHORTLY
        is_down = "; `sms extract sandbox` starts it" if portal.is_sandbox else ""
        return AttemptError(f"it refused the connection{is_down}", again, CHECK_URL)
    kind = type(error).__name__
    advice = CHECK_NETWORK if isinstance(error, httpx.ConnectTimeout) else ASK_LATER
    return AttemptError(f"the connection failed ({kind})", Again.PATIENTLY, advice)


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause:
        yield cause
        if isinstance(cause, BaseExceptionGroup):
            for one in cause.exceptions:
                yield from _causes(one)
        cause = cause.__cause__ or cause.__context__


def retry_after(headers: httpx.Headers) -> float | None:
    """Return `Retry-After` as seconds from now; None if it cannot be read.

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

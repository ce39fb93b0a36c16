"""The settings of a load from options, environment and seeds, checked first."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from common.errors import ConfigError
from extract.client import Ask, Credentials, Patience
from extract.portals import Portal
from extract.sandbox import SANDBOX_PASSWORD, SANDBOX_USERNAME

USERNAME = "PORTAL_USERNAME"
PASSWORD = "PORTAL_PASSWORD"  # noqa: S105  (the name of the variable)
SECRET = "PORTAL_SECRET"  # noqa: S105  (likewise)
NAMES = (USERNAME, PASSWORD, SECRET)
DEFAULT_RATE = 8
NO_RATE = 0


def choose_portals(
    portals: Sequence[Portal], keys: Sequence[str], sandbox: bool
) -> list[Portal]:
    """Return the portals to read: those named, or all real or all sandbox portals.

    With `sandbox` only the sandbox's portals can be named. ConfigError lists them.
    """
    kind = [portal for portal in portals if portal.is_sandbox == sandbox]
    allowed = {p.key: p for p in (kind if sandbox else portals)}
    if unknown := [key for key in keys if key not in allowed]:
        raise ConfigError(
            f"unknown portal {', '.join(map(repr, unknown))}; "
            f"allowed: {', '.join(allowed)}"
        )
    chosen = [allowed[key] for key in dict.fromkeys(keys)] or kind
    if not chosen:
        raise ConfigError("the seed has no portal to ask")
    return chosen


@dataclass(frozen=True)
class Access:
    """The portals' credentials, with the rate and the time-out of their secret."""

    credentials: Credentials
    rate: int | None = None
    timeout: float | None = None


def patience(
    access: Access,
    attempts: int | None = None,
    timeout: timedelta | None = None,
    deadline: timedelta | None = None,
    max_pages: int | None = None,
) -> Patience:
    """Return the patience of a load: from the options, the secret, or the default.

    A given time-out holds for every request.
    """
    usual = Patience()
    seconds = timeout.total_seconds() if timeout else access.timeout
    attempts = attempts or usual.attempts
    return replace(
        usual,
        attempts=attempts,
        short_attempts=min(usual.short_attempts, attempts),
        request_deadline=seconds or usual.request_deadline,
        details_deadline=max(usual.details_deadline, seconds or 0),
        run_deadline=deadline.total_seconds() if deadline else usual.run_deadline,
        page_cap=max_pages or usual.page_cap,
    )


SANDBOX_ACCESS = Access(Credentials(SANDBOX_USERNAME, SANDBOX_PASSWORD))


def read_access(
    portals: Iterable[Portal], environment: Mapping[str, str], sandbox: bool
) -> Access:
    """Return the portals' credentials; ConfigError says what is missing.

    The sandbox and its portals need no settings.
    """
    given = {name: environment[name] for name in NAMES if environment.get(name)}
    if sandbox or (not given and all(portal.is_sandbox for portal in portals)):
        return SANDBOX_ACCESS
    if SECRET in given:
        return _kept_access(given)
    if missing := [name for name in (USERNAME, PASSWORD) if name not in given]:
        raise ConfigError(
            f"missing settings: {', '.join(missing)}: set them in the environment, or "
            f"{SECRET}, which says where AWS keeps them"
        )
    access = Access(Credentials(given[USERNAME], given[PASSWORD]))
    return _usable(access, USERNAME)


def _kept_access(given: Mapping[str, str]) -> Access:
    if len(given) > 1:
        raise ConfigError(
            f"{' and '.join(given)} are set: unset {SECRET} or the others"
        )
    # boto3 is slow to import, and few loads need it.
    from extract.secrets import Renewal, read_secret  # noqa: PLC0415

    found = read_secret(given[SECRET])
    credentials = Credentials(found.username, found.password, Renewal(given[SECRET]))
    return _usable(Access(credentials, found.rate, found.timeout), SECRET)


def _usable(access: Access, setting: str) -> Access:
    if ":" in access.credentials.username:
        raise ConfigError(
            f"{setting}: a user name has no colon, which Basic authentication forbids"
        )
    return access


def asks(portals: Iterable[Portal], rate: int | None, access: Access) -> list[Ask]:
    """Return the portals with their rate: as told, from the secret, or the default."""
    told = access.rate if rate is None else rate
    return [
        Ask(
            portal,
            access.credentials,
            (NO_RATE if portal.is_sandbox else DEFAULT_RATE) if told is None else told,
        )
        for portal in portals
    ]


def read_jobs(named: Iterable[str], source: str | None) -> frozenset[str]:
    """Return the job uuids to restrict a load to; empty: no restriction.

    `source` is a file, or `-` for standard input: one uuid a line, or a JSON list.
    """
    jobs = [*named]
    if source is not None:
        listed = _parse_jobs(_read(source), source)
        if not listed:
            raise ConfigError(f"{source} names no job")
        jobs += listed
    if not all(job.strip() for job in jobs):
        raise ConfigError("a job uuid is empty")
    return frozenset(job.strip() for job in jobs)


def _read(source: str) -> str:
    try:
        if source == "-":
            return sys.stdin.buffer.read().decode("utf-8-sig")
        return Path(source).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{source}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{source} is not UTF-8") from error


def _parse_jobs(text: str, source: str) -> list[str]:
    if not text.lstrip().startswith("["):
        return [line.strip() for line in text.splitlines() if line.strip()]
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{source} is not a JSON list") from error
    if not all(isinstance(job, str) for job in found):
        raise ConfigError(f"{source} is not a JSON list of texts")
    return list(found)

"""What a load is to do, from options, environment and seeds, checked beforehand."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from extract.client import Credentials
from extract.errors import ConfigError
from extract.load import Ask
from extract.portals import Portal
from extract.sandbox import SANDBOX_PASSWORD, SANDBOX_USERNAME

USERNAME = "PORTAL_USERNAME"
PASSWORD = "PORTAL_PASSWORD"  # noqa: S105  (the name of the variable)
DEFAULT_RATE = 8
NO_RATE = 0


def choose_portals(
    portals: Sequence[Portal], keys: Sequence[str], sandbox: bool
) -> list[Portal]:
    """Choose the portals to ask: those named, else all of the kind that is asked.

    With `sandbox` only the sandbox's own may be named. ConfigError lists what may be.
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


def asks(
    portals: Iterable[Portal],
    rate: int | None,
    environment: Mapping[str, str],
    sandbox: bool,
) -> list[Ask]:
    """Give each portal its credentials and rate; one error names what is missing."""
    own = _sandbox_credentials()
    given = None if sandbox else _given_credentials(environment)
    found, missing = [], set()
    for portal in portals:
        credentials = given or (own if portal.is_sandbox else None)
        if credentials is None:
            missing |= {
                name for name in (USERNAME, PASSWORD) if not environment.get(name)
            }
            continue
        default = NO_RATE if portal.is_sandbox else DEFAULT_RATE
        found.append(Ask(portal, credentials, default if rate is None else rate))
    _refuse_missing(missing)
    return found


def _given_credentials(environment: Mapping[str, str]) -> Credentials | None:
    given = [environment.get(name, "") for name in (USERNAME, PASSWORD)]
    if not any(given):
        return None
    _refuse_missing(
        {n for n, value in zip((USERNAME, PASSWORD), given, strict=True) if not value}
    )
    if ":" in given[0]:
        raise ConfigError(f"{USERNAME} has a colon, which Basic authentication forbids")
    return Credentials(given[0], given[1])


def _refuse_missing(names: set[str]) -> None:
    if names:
        in_order = [name for name in (USERNAME, PASSWORD) if name in names]
        raise ConfigError(f"missing settings: {', '.join(in_order)}")


def _sandbox_credentials() -> Credentials:
    return Credentials(SANDBOX_USERNAME, SANDBOX_PASSWORD)


def read_jobs(named: Iterable[str], source: str | None) -> frozenset[str]:
    """Read the job uuids to restrict a load to; none at all: no restriction.

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
        raise ConfigError(f"{source} is no JSON list") from error
    if not all(isinstance(job, str) for job in found):
        raise ConfigError(f"{source} is no JSON list of texts")
    return list(found)

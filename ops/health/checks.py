"""The checks of `sms health`. None of them opens a database or asks a portal."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from common.environment import DEV, environment_name
from common.errors import CommandError, ConfigError, ContractError
from ops.checks import check_writable_root, is_writable
from ops.nightly.age import describe, last_night
from ops.settings.reading import problems
from publish.settings import export_root

# Returns what was found, or raises CommandError.
type Check = Callable[[], str]


@dataclass(frozen=True)
class Finding:
    """What a check found; exit code 0: good."""

    check: str
    exit_code: int
    message: str


def findings(most: timedelta, *, is_export: bool) -> list[Finding]:
    """Run all checks. Threads would cost more than they save: boto3 is mostly CPU."""
    checks: dict[str, Check] = {
        "settings": _settings,
        "database": _database,
        "export root": _root,
        "credentials": _credentials,
        "last night": partial(_night, most, is_export=is_export),
    }
    return [_find(name, check) for name, check in checks.items()]


def _find(name: str, check: Check) -> Finding:
    try:
        return Finding(name, 0, check())
    except CommandError as error:
        return Finding(name, error.exit_code, str(error))


def _settings() -> str:
    wrong = problems()
    if wrong:
        raise ConfigError("; ".join(map(str, wrong)))
    return f"the environment is {environment_name()}"


def _database() -> str:
    path = Path(os.environ.get("DUCKDB_PATH") or "sms_campaigns.duckdb").absolute()
    if not (path.parent.is_dir() and is_writable(path.parent)):
        raise ConfigError(f"DUCKDB_PATH: the folder {path.parent} cannot be written")
    return f"{path.parent} can be written"


def _root() -> str:
    root = export_root()
    check_writable_root(root)
    root.current()
    return f"{root.address()} can be read"


def _credentials() -> str:
    if place := os.environ.get("PORTAL_SECRET"):
        from extract.secrets import read_secret  # noqa: PLC0415

        read_secret(place)
        return f"{place} can be read"
    if os.environ.get("PORTAL_USERNAME") and os.environ.get("PORTAL_PASSWORD"):
        return "set in the environment"
    if environment_name() != DEV:
        raise ConfigError("neither PORTAL_SECRET nor PORTAL_USERNAME is set")
    return "not set: only the sandbox can be loaded"


def _night(most: timedelta, *, is_export: bool) -> str:
    night = last_night(most, is_export=is_export)
    if night["is_missing"]:
        raise ContractError(describe(night))
    return describe(night)

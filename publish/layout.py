"""Names under the export root, and which of them are allowed.

Every part of a path is checked here first. Names are not encoded: an unusual portal
key is an error, so nothing is read or written outside the root.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from common.errors import ConfigError

AUDIENCES = ("buyers", "non_buyers")
FORMATS = ("csv", "json")
EXCLUSIONS = "exclusions.csv"
# On what consent each exported row rests.
EVIDENCE = "evidence.csv"
# What a run was decided by.
RUN_SUPPRESSIONS = "suppressions.csv"
RUN_TABLES = (EXCLUSIONS, EVIDENCE, RUN_SUPPRESSIONS)
MANIFEST = "manifest.json"
# The manifest of a run that is being removed.
REMOVED = "manifest.json.removed"
# For people; the manifest does not list them.
REPORT = "report.html"
SUMMARY = "summary.md"
NIGHT = "night.json"
UNLISTED = (REPORT, SUMMARY, NIGHT)
RUNS = "runs"
CURRENT = "current.json"
LATEST = "latest"
COPIES = ".latest"
# The ledger of opt-outs: publish.suppressions.ledger.
SUPPRESSIONS = "suppressions"
# The log of promotions: publish.history.
PROMOTIONS = "promotions"
STAGING = ".staging"
S3 = "s3://"

_RUN_ID = re.compile(r"[0-9]{8}T[0-9]{12}Z-[0-9a-f]{8}", re.ASCII)
_PORTAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_AUDIENCE_FILE = re.compile(
    rf"({_PORTAL.pattern})/({'|'.join(AUDIENCES)})\.({'|'.join(FORMATS)})", re.ASCII
)
_SHOWN = 60


@dataclass(frozen=True)
class FileName:
    """A path inside a run. A table of the whole run has no portal and audience."""

    path: str
    portal: str | None
    audience: str | None
    format: str


def parse_path(path: str) -> FileName:
    """Parse `PORTAL/AUDIENCE.csv|json` or a table of the run; refuse anything else."""
    if path in RUN_TABLES:
        return FileName(path, None, None, "csv")
    match = _AUDIENCE_FILE.fullmatch(path)
    if not match or match[1] in (*RUN_TABLES, MANIFEST, *UNLISTED):
        raise ConfigError(
            f"{shown(path)} is not a file of a run: these are "
            f"{', '.join(RUN_TABLES)} and "
            f"PORTAL/{'|'.join(AUDIENCES)}.{'|'.join(FORMATS)}, where PORTAL has only "
            "letters, digits, '.', '_' and '-', and begins with a letter or digit"
        )
    return FileName(path, match[1], match[2], match[3])


def check_run_id(run_id: str) -> str:
    """Return `run_id` if it is `YYYYMMDDTHHMMSSffffffZ-xxxxxxxx`."""
    if not _RUN_ID.fullmatch(run_id):
        raise ConfigError(
            f"{shown(run_id)} is not a run id: these look like "
            "20250131T235959123456Z-0123abcd"
        )
    return run_id


def is_run_id(name: str) -> bool:
    """Return whether `name` has the form of a run id."""
    return _RUN_ID.fullmatch(name) is not None


def began_at(run_id: str) -> datetime:
    """Return when a run began; an id without a timestamp counts as recent."""
    try:
        time = datetime.strptime(run_id.partition("-")[0], "%Y%m%dT%H%M%S%fZ")
    except ValueError:
        time = datetime.max
    return time.replace(tzinfo=UTC)


def run_key(run_id: str, path: str = "") -> str:
    """Return where a run, or a file of it, is under the root."""
    return f"{RUNS}/{check_run_id(run_id)}" + (f"/{path}" if path else "")


def manifest_key(run_id: str) -> str:
    """Return where the manifest of a run is under the root."""
    return run_key(run_id, MANIFEST)


def shown(text: str) -> str:
    """Return `text` for a message, on one line and shortened."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")

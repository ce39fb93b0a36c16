"""How old the last night is, judged by what it left under the export root."""

from datetime import UTC, datetime, timedelta
from typing import Any

from common.errors import ContractError
from extract.landing import begun_at
from publish.layout import manifest_key
from publish.promotion import load_current
from publish.root import Root
from publish.settings import export_root

NOTHING = "no night has finished yet"


def last_night(most: timedelta, *, is_export: bool) -> dict[str, Any]:
    """Return the age of the last night; ContractError where there is none.

    A night counts from its promotion or, unless `is_export`, from the start of the
    newest finished run. A time further in the future than `most` is as wrong as an old
    one.
    """
    root = export_root()
    run_id, at = _promoted(root) if is_export else _newest(root)
    age = datetime.now(UTC) - at
    return {
        "run_id": run_id,
        "event": "promoted" if is_export else "begun",
        "at": at.isoformat(),
        "age_seconds": round(age.total_seconds()),
        "max_seconds": round(most.total_seconds()),
        "is_missing": abs(age) > most,
    }


def describe(night: dict[str, Any]) -> str:
    """Return the age of a night as a sentence."""
    at = datetime.fromisoformat(night["at"])
    found = (
        f"run {night['run_id']} was {night['event']} at {at:%Y-%m-%d %H:%M} UTC, "
        f"{_spoken(night['age_seconds'])} ago"
    )
    if not night["is_missing"]:
        return found
    allowed = _spoken(night["max_seconds"])
    return f"a night is missing: {found}; at most {allowed} is allowed"


def _promoted(root: Root) -> tuple[str, datetime]:
    current = load_current(root)
    if current is None:
        raise ContractError(f"{NOTHING}: {root.address()} has no promoted run")
    try:
        at = datetime.fromisoformat(current.promoted_at)
    except ValueError as error:
        raise ContractError("current.json: promoted_at is not a time") from error
    if at.tzinfo is None:
        raise ContractError("current.json: promoted_at has no offset")
    return current.run_id, at.astimezone(UTC)


def _newest(root: Root) -> tuple[str, datetime]:
    for run_id in root.run_ids():
        if root.read(manifest_key(run_id)) is not None:
            return run_id, begun_at(run_id)
    raise ContractError(f"{NOTHING}: {root.address()} has no finished run")


def _spoken(seconds: int) -> str:
    for unit, length in (("h", 3600), ("min", 60)):
        if abs(seconds) >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds} s"

"""How old the last night is, judged by what it left under the export root.

A night counts from the start of its run. The time of a promotion says nothing: going
back to an earlier run, or promoting a copy without people who said stop, would hide a
missing night.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from common.errors import ContractError
from publish.layout import began_at, manifest_key
from publish.promotion import load_current, load_manifest
from publish.root import Root
from publish.settings import export_root

NOTHING = "no night has finished yet"


def last_night(most: timedelta, *, is_export: bool) -> dict[str, Any]:
    """Return the age of the last night; ContractError where there is none.

    That is the night of the promoted run or, unless `is_export`, of the newest finished
    run. A time further in the future than `most` is as wrong as an old one.
    """
    root = export_root()
    run_id = _promoted(root) if is_export else _newest(root)
    # An id that holds no time counts as in the future, which is wrong.
    at = began_at(_original(root, run_id))
    age = datetime.now(UTC) - at
    return {
        "run_id": run_id,
        "begun_at": at.isoformat(),
        "age_seconds": round(age.total_seconds()),
        "max_seconds": round(most.total_seconds()),
        "is_missing": abs(age) > most,
    }


def describe(night: dict[str, Any]) -> str:
    """Return the age of a night as a sentence."""
    at = datetime.fromisoformat(night["begun_at"])
    found = (
        f"the night of run {night['run_id']} began at {at:%Y-%m-%d %H:%M} UTC, "
        f"{_spoken(night['age_seconds'])} ago"
    )
    if not night["is_missing"]:
        return found
    allowed = _spoken(night["max_seconds"])
    return f"a night is missing: {found}; at most {allowed} is allowed"


def _promoted(root: Root) -> str:
    current = load_current(root)
    if current is None:
        raise ContractError(f"{NOTHING}: {root.address()} has no promoted run")
    return current.run_id


def _newest(root: Root) -> str:
    for run_id in root.run_ids():
        is_finished = root.read(manifest_key(run_id)) is not None
        if is_finished and _original(root, run_id) == run_id:
            return run_id
    raise ContractError(f"{NOTHING}: {root.address()} has no finished run")


def _original(root: Root, run_id: str) -> str:
    """Return the run that a night built; copies of it can be promoted in its place."""
    with suppress(ContractError):
        source = load_manifest(root, run_id)[0].about.derived_from
        if source is not None:
            return _original(root, source)
    return run_id


def _spoken(seconds: int) -> str:
    for unit, length in (("h", 3600), ("min", 60)):
        if abs(seconds) >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds} s"

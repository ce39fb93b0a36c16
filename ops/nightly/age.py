"""How long ago the last night was done, by what it has left under the export root."""

from datetime import UTC, datetime, timedelta

from common.errors import ContractError
from extract.landing import begun_at
from publish.layout import manifest_key
from publish.promotion import load_current
from publish.root import Root
from publish.settings import export_root

NOTHING = "no night has been done yet"


def last_night(most: timedelta, *, is_export: bool) -> str:
    """Return in words how old the last night is; ContractError if older than `most`.

    A night is as old as its promotion or, unless `is_export`, as the newest finished
    run. What lies further ahead than `most` is no time that can be true.
    """
    root = export_root()
    run_id, at = _promoted(root) if is_export else _newest(root)
    age = datetime.now(UTC) - at
    what = "promoted" if is_export else "begun"
    found = f"run {run_id} was {what} at {at:%Y-%m-%d %H:%M} UTC, {_spoken(age)} ago"
    if abs(age) > most:
        raise ContractError(f"a night is missing: {found}, and {_spoken(most)} may be")
    return found


def _promoted(root: Root) -> tuple[str, datetime]:
    current = load_current(root)
    if current is None:
        raise ContractError(f"{NOTHING}: no run is promoted under {root.address()}")
    try:
        at = datetime.fromisoformat(current.promoted_at)
    except ValueError as error:
        raise ContractError("current.json: promoted_at is no time") from error
    if at.tzinfo is None:
        raise ContractError("current.json: promoted_at has no offset")
    return current.run_id, at


def _newest(root: Root) -> tuple[str, datetime]:
    for run_id in root.run_ids():
        if root.read(manifest_key(run_id)) is not None:
            return run_id, begun_at(run_id)
    raise ContractError(f"{NOTHING}: no run is finished under {root.address()}")


def _spoken(span: timedelta) -> str:
    for unit, length in (("h", timedelta(hours=1)), ("min", timedelta(minutes=1))):
        if abs(span) >= length:
            return f"{span / length:.1f} {unit}"
    return f"{span.total_seconds():.1f} s"

"""The volume guard: a run with far more or fewer rows needs a person's consent.

The guard compares the files under latest/ with those of the new run. A portal, an
audience or a format that would disappear counts as 0 rows afterwards. A new portal or
audience counts as 0 rows before; a new format does not count.
"""

from dataclasses import dataclass
from fractions import Fraction

from common.errors import ContractError
from publish.manifest import Manifest, audience_rows

DEFAULT_MAX_CHANGE = 0.5
MOST = 1000
LEAST_ROWS = 50


@dataclass(frozen=True)
class Change:
    """The rows of a portal's audience in the promoted (`before`) and the new run.

    `format` is set if only the files of that format would disappear.
    """

    portal: str
    audience: str
    format: str | None
    before: int
    after: int


def check_volume(promoted: Manifest, manifest: Manifest) -> None:
    """Raise ContractError if a run differs too much from the promoted one."""
    changes = great_changes(promoted, manifest)
    run_id, promoted_id = manifest.about.run_id, promoted.about.run_id
    if changes:
        raise ContractError(
            f"run {run_id}: is not promoted, as its rows differ by more than "
            f"max_change ({max_change(manifest)}) from those of the promoted run "
            f"{promoted_id}: {', '.join(map(_described, changes))}. "
            f"{how_to_accept(run_id)}"
        )


def how_to_accept(run_id: str) -> str:
    """Return what to do if the run is right nevertheless."""
    return f"If that is right: sms publish promote {run_id} --accept-change"


def great_changes(promoted: Manifest, manifest: Manifest) -> list[Change]:
    """Return what changes by more than the run's `max_change`, by portal and audience.

    `max_change` is a share of the promoted rows; under 50 rows are never too many.
    """
    limit = max_change(manifest)
    if limit is None:
        return []
    return [c for c in _changes(promoted, manifest) if _is_great(c, limit)]


def max_change(manifest: Manifest) -> float | None:
    """Return the limit that a run was built with, None if it is off.

    Older runs without a limit have the default.
    """
    limit = manifest.about.variables.get("max_change", DEFAULT_MAX_CHANGE)
    if limit is False:
        return None
    # Infinity and NaN are not in the range.
    if isinstance(limit, float | int) and limit is not True and 0 <= limit <= MOST:
        return limit
    raise ContractError(
        f"run {manifest.about.run_id}: manifest.json: max_change must be a number "
        f"from 0 to {MOST}, or false"
    )


def _changes(promoted: Manifest, manifest: Manifest) -> list[Change]:
    before, after = audience_rows(promoted), audience_rows(manifest)
    changes = [
        Change(*pair, None, before.get(pair, 0), after.get(pair, 0))
        for pair in before.keys() | after.keys()
    ]
    kept = {file.path for file in manifest.files}
    changes += [
        Change(file.portal, file.audience, file.format, file.rows, 0)
        for file in promoted.files
        if file.portal
        and file.audience
        and (file.portal, file.audience) in after
        and file.path not in kept
    ]
    return sorted(changes, key=lambda c: (c.portal, c.audience, c.format or ""))


def _is_great(change: Change, limit: float) -> bool:
    # Exact, as the number was written: 0.57 of 100 rows is 57 rows.
    rows = abs(change.after - change.before)
    return rows >= LEAST_ROWS and rows > Fraction(str(limit)) * change.before


def _described(change: Change) -> str:
    audience = (
        f"{change.audience}.{change.format}" if change.format else change.audience
    )
    return f"{change.portal} {audience} {change.before} -> {change.after}"

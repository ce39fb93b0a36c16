"""What `sms publish list`, `show` and `diff` print. Counts and ids only."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from common.errors import ContractError
from publish.layout import AUDIENCES, EXCLUSIONS, LATEST, manifest_key, run_key
from publish.manifest import About, Counts, Manifest, audience_rows
from publish.promotion import load_current, load_manifest
from publish.root import Root

if TYPE_CHECKING:
    from publish.differences import AudienceDifference, Difference

NOTHING = "-"

type Row = tuple[str, ...]


def list_lines(root: Root) -> list[str]:
    """Return a table of all runs, newest first."""
    header = ("RUN", "LOAD", *(name.upper() for name in AUDIENCES), "STATE")
    promoted = promoted_run_id(root)
    rows = [_run_row(root, run_id, promoted) for run_id in root.run_ids()]
    return _table(header, rows) if rows else [no_runs(root)]


def no_runs(root: Root) -> str:
    """Return what to do where there is no run."""
    return f"no runs under {root.address()} (EXPORT_ROOT): `dbt build` makes one"


def promoted_run_id(root: Root) -> str | None:
    """Return the id of the promoted run, None where nothing is promoted."""
    current = load_current(root)
    return None if current is None else current.run_id


def show_lines(root: Root, run_id: str) -> list[str]:
    """Return the fates of a run's candidates, and where its files are."""
    manifest, _ = load_manifest(root, run_id)
    is_promoted = promoted_run_id(root) == run_id
    return [
        f"Run {run_id}, {'promoted' if is_promoted else 'not promoted'}",
        f"Load {manifest.about.load_id}, as of {manifest.about.as_of}, "
        f"code {manifest.about.code_version}",
        "",
        *_fates(manifest),
        "",
        *_places(root, manifest, is_promoted=is_promoted),
    ]


def diff_lines(difference: "Difference") -> list[str]:
    """Return what differs between two runs."""
    return [
        f"Before: run {difference.before.run_id}",
        f"After:  run {difference.after.run_id}",
        "",
        *_origins(difference.before, difference.after),
        "",
        *_audiences(difference),
        *_columns(difference),
    ]


def _run_row(root: Root, run_id: str, promoted: str | None) -> Row:
    if root.read(manifest_key(run_id)) is None:
        return (run_id, *[NOTHING] * (1 + len(AUDIENCES)), "unfinished")
    try:
        manifest, _ = load_manifest(root, run_id)
    except ContractError:
        return (run_id, *[NOTHING] * (1 + len(AUDIENCES)), "damaged")
    exported = [_exported(manifest, audience) for audience in AUDIENCES]
    state = "promoted" if run_id == promoted else "complete"
    return (run_id, manifest.about.load_id, *exported, state)


def _exported(manifest: Manifest, audience: str) -> str:
    """Add up the rows of an audience over portals."""
    rows = [n for (_, name), n in audience_rows(manifest).items() if name == audience]
    return str(sum(rows)) if rows else NOTHING


def _fates(manifest: Manifest) -> list[str]:
    header = ("PORTAL", "AUDIENCE", "CANDIDATES", "EXPORTED", "EXCLUDED", "REASON")
    counts = sorted(manifest.counts, key=lambda count: (count.portal, count.audience))
    return _table(header, [row for count in counts for row in _fate_rows(count)])


def _fate_rows(count: Counts) -> Iterator[Row]:
    excluded = sum(count.excluded.values())
    numbers = (count.candidates, count.exported, excluded)
    yield (count.portal, count.audience, *map(str, numbers), "")
    for reason, number in sorted(count.excluded.items()):
        if number:
            yield ("", "", "", "", str(number), reason)


def _origins(before: About, after: About) -> list[str]:
    """Say where two runs differ in what they were made from."""
    old, new = _origin(before), _origin(after)
    lines = [
        f"{name}: {old.get(name, NOTHING)} -> {new.get(name, NOTHING)}"
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    ]
    return lines or ["Load, as_of, code version and variables are the same."]


def _origin(about: About) -> dict[str, str]:
    origin = {
        "load_id": about.load_id,
        "as_of": about.as_of,
        "code_version": about.code_version,
    }
    return origin | {
        f"variable {name}": json.dumps(value)
        for name, value in sorted(about.variables.items())
    }


def _audiences(difference: "Difference") -> list[str]:
    header = ("PORTAL", "AUDIENCE", "BEFORE", "AFTER", "CAME", "WENT", "CHANGED")
    phones = ("PHONES_CAME", "PHONES_WENT")
    rows = map(_audience_row, (*difference.audiences, difference.total))
    return _table(header + phones, list(rows))


def _audience_row(audience: "AudienceDifference") -> Row:
    numbers = (
        audience.rows_before,
        audience.rows_after,
        audience.came,
        audience.went,
        audience.changed,
        audience.phones_came,
        audience.phones_went,
    )
    cells = [NOTHING if number is None else str(number) for number in numbers]
    return (audience.portal, audience.audience, *cells)


def _columns(difference: "Difference") -> list[str]:
    rows: list[Row] = [
        (audience.portal, audience.audience, column, str(number))
        for audience in difference.audiences
        for column, number in audience.columns_changed.items()
    ]
    header = ("PORTAL", "AUDIENCE", "COLUMN", "CHANGED")
    return ["", *_table(header, rows)] if rows else []


def _places(root: Root, manifest: Manifest, *, is_promoted: bool) -> list[str]:
    folder = root.address(run_key(manifest.about.run_id))
    if not is_promoted:
        return [f"Files in {folder}"]
    return [f"Files in {root.address(LATEST)}", f"and, with {EXCLUSIONS}, in {folder}"]


def _table(header: Row, rows: list[Row]) -> list[str]:
    """Align columns: numbers to the right, text to the left."""
    columns = list(zip(header, *rows, strict=True))
    aligned = [_align(column) for column in columns]
    return ["  ".join(cells).rstrip() for cells in zip(*aligned, strict=True)]


def _align(column: Row) -> list[str]:
    width = max(map(len, column))
    if all(not cell or cell == NOTHING or cell.isdigit() for cell in column[1:]):
        return [cell.rjust(width) for cell in column]
    return [cell.ljust(width) for cell in column]

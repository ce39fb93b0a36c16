"""The output of `sms publish list`, `show` and `diff`: counts and ids only."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from common.errors import ContractError
from publish.history import promoted_runs, replaced_by
from publish.layout import AUDIENCES, LATEST, manifest_key, run_key
from publish.manifest import About, Counts, Manifest, audience_rows
from publish.promotion import load_current, load_manifest
from publish.root import Root

if TYPE_CHECKING:
    from publish.differences import AudienceDifference, Difference

NOTHING = "-"

type Row = tuple[str, ...]


def list_runs(root: Root) -> list[dict[str, object]]:
    """Return id, load, rows by audience and state of all runs, newest first."""
    promoted, log = promoted_run_id(root), promoted_runs(root)
    return [_run(root, run_id, promoted, log) for run_id in root.run_ids()]


def list_lines(root: Root, runs: list[dict[str, object]]) -> list[str]:
    """Return a table of runs."""
    header = ("RUN", "LOAD", *(name.upper() for name in AUDIENCES), "STATE")
    shown = ("run_id", "load_id", *AUDIENCES)
    rows = [(*(_cell(run[name]) for name in shown), _state_text(run)) for run in runs]
    return _table(header, rows) if rows else [no_runs(root)]


def no_runs(root: Root) -> str:
    """Return what to do when there is no run."""
    return f"no runs under {root.address()} (EXPORT_ROOT): `dbt build` makes one"


def promoted_run_id(root: Root) -> str | None:
    """Return the id of the promoted run, None where nothing is promoted."""
    current = load_current(root)
    return None if current is None else current.run_id


def run_state(root: Root, run_id: str) -> str:
    """Return whether a run is promoted, what replaced it, and what it is a copy of."""
    return _state_text(_run(root, run_id, promoted_run_id(root), promoted_runs(root)))


def describe_run(root: Root, manifest: Manifest) -> dict[str, object]:
    """Return the counts of a run, and where its files are."""
    about = manifest.about
    promoted = promoted_run_id(root)
    return {
        "run_id": about.run_id,
        "load_id": about.load_id,
        "as_of": about.as_of,
        "code_version": about.code_version,
        **_state(about, promoted, promoted_runs(root)),
        "counts": [asdict(count) for count in manifest.counts],
        "folder": root.address(run_key(about.run_id)),
        "latest": root.address(LATEST) if promoted == about.run_id else None,
    }


def show_lines(root: Root, manifest: Manifest) -> list[str]:
    """Return what became of a run's candidates, and where its files are."""
    about = manifest.about
    promoted = promoted_run_id(root)
    state = _state_text(_state(about, promoted, promoted_runs(root)))
    return [
        f"Run {about.run_id}, {state}",
        f"Load {about.load_id}, as of {about.as_of}, code {about.code_version}",
        "",
        *_fates(manifest),
        "",
        *_places(root, manifest, is_promoted=promoted == about.run_id),
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


def _state(about: About, promoted: str | None, log: list[str]) -> dict[str, object]:
    """Return whether a run is promoted or was, and which run it is a copy of."""
    after = None if about.run_id == promoted else replaced_by(log, about.run_id)
    state = "promoted" if about.run_id == promoted else "not promoted"
    return {
        "state": "replaced" if after else state,
        "replaced_by": after,
        "derived_from": about.derived_from,
    }


def _state_text(run: Mapping[str, object]) -> str:
    after, source = run["replaced_by"], run["derived_from"]
    state = f"replaced by {after}" if after else run["state"]
    return f"{state}, derived from {source}" if source else f"{state}"


def _run(
    root: Root, run_id: str, promoted: str | None, log: list[str]
) -> dict[str, object]:
    load_id, rows = None, dict[str, int]()
    state: dict[str, object] = {"replaced_by": None, "derived_from": None}
    try:
        manifest, _ = load_manifest(root, run_id)
    except ContractError:
        is_unfinished = root.read(manifest_key(run_id)) is None
        state = {"state": "unfinished" if is_unfinished else "damaged"} | state
    else:
        load_id = manifest.about.load_id
        state = _state(manifest.about, promoted, log)
        for (_, audience), number in audience_rows(manifest).items():
            rows[audience] = rows.get(audience, 0) + number
    by_audience = {audience: rows.get(audience) for audience in AUDIENCES}
    return {"run_id": run_id, "load_id": load_id, **by_audience, **state}


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
    """Return a line for each input in which two runs differ."""
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
    return (audience.portal, audience.audience, *map(_cell, numbers))


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
    tables = [file.path for file in manifest.files if not file.audience]
    if not is_promoted:
        return [f"Files in {folder}"]
    latest = root.address(LATEST)
    return [f"Files in {latest}", f"and, with {', '.join(tables)}, in {folder}"]


def _cell(value: object) -> str:
    return NOTHING if value is None else str(value)


def _table(header: Row, rows: list[Row]) -> list[str]:
    """Align numbers to the right and text to the left."""
    columns = list(zip(header, *rows, strict=True))
    aligned = [_align(column) for column in columns]
    return ["  ".join(cells).rstrip() for cells in zip(*aligned, strict=True)]


def _align(column: Row) -> list[str]:
    width = max(map(len, column))
    if all(not cell or cell == NOTHING or cell.isdigit() for cell in column[1:]):
        return [cell.rjust(width) for cell in column]
    return [cell.ljust(width) for cell in column]

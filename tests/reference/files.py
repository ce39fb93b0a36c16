"""Export files: reading, writing and comparing them, by the export contract."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from tests.reference.interface import (
    EVIDENCE_COLUMNS,
    EXCLUSION_COLUMNS,
    EXPORT_COLUMNS,
    Result,
)
from tests.reference.rules import key

UNGUARDED_COLUMNS = ("phone_number", "phone_number_2")
FORMULA_STARTS = ("=", "+", "-", "@")
AUDIENCES = {"buyers": "Yes", "non_buyers": "No"}

Rows = Sequence[Mapping[str, str]]


def guard(column: str, value: str) -> str:
    """A value as a CSV file holds it: spreadsheet formulas get a leading `'`."""
    if column not in UNGUARDED_COLUMNS and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value


def guarded(row: Mapping[str, str]) -> dict[str, str]:
    """A row as a CSV file holds it."""
    return {column: guard(column, value) for column, value in row.items()}


def audience_rows(result: Result, portal: str, audience: str) -> Rows:
    """The exported rows of one file, in its order, without the guard."""
    buyer = AUDIENCES[audience]
    rows = [row for row in result.exported if row["portal"] == portal]
    return [row for row in rows if row["buyer"] == buyer]


def evidence_rows(result: Result, audience: str = "both") -> Rows:
    """The rows of evidence.csv: one for each row of the files that are written."""
    return [row for row in result.evidence if audience in ("both", row["audience"])]


def expected_csv(rows: Rows, columns: Sequence[str] = EXPORT_COLUMNS) -> bytes:
    """The bytes of a CSV file of unguarded rows: fields quoted where needed alone."""
    lines = [columns, *([guard(name, row[name]) for name in columns] for row in rows)]
    text = "".join(",".join(map(_quoted, line)) + "\n" for line in lines)
    return text.encode()


def _quoted(field: str) -> str:
    if any(character in field for character in ',"\r\n'):
        return '"' + field.replace('"', '""') + '"'
    return field


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file. ValueError: a row has not as many fields as the header.

    csv.Error: the file is no strict CSV.
    """
    header, *lines = _read_lines(path)
    return [dict(zip(header, line, strict=True)) for line in lines]


def read_header(path: Path) -> list[str]:
    """The column names of a CSV file."""
    return _read_lines(path)[0]


def _read_lines(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file, strict=True))
    if not lines:
        raise ValueError(f"{path.name}: no header")
    return lines


def compare(
    result: Result,
    run_dir: Path,
    *,
    portals: Iterable[str] | None = None,
    audience: str = "both",
    formats: Iterable[str] = ("csv",),
) -> list[str]:
    """How the files of a run differ from the result: ids and column names, no values.

    `run_dir` holds PORTAL/AUDIENCE.csv or .json and exclusions.csv. It can hold
    evidence.csv, which is compared, and suppressions.csv, which is not. Expected are
    the files of the portals (those of the result unless given), of the audience
    (`both`, `buyers`, `non_buyers`) and of the formats (`csv`, `json`), and no others.
    """
    written = AUDIENCES if audience == "both" else [audience]
    differences: list[str] = []
    names: set[str] = {"exclusions.csv", "evidence.csv", "suppressions.csv"}
    for portal in result.portals if portals is None else portals:
        for one in written:
            rows = audience_rows(result, portal, one)
            for extension in formats:
                name = f"{portal}/{one}.{extension}"
                names.add(name)
                differences += _compare_file(run_dir, name, rows, EXPORT_COLUMNS)
    differences += _compare_file(
        run_dir, "exclusions.csv", result.excluded, EXCLUSION_COLUMNS
    )
    if (run_dir / "evidence.csv").is_file():
        differences += _compare_file(
            run_dir, "evidence.csv", evidence_rows(result, audience), EVIDENCE_COLUMNS
        )
    return differences + _unexpected_files(run_dir, names)


def _unexpected_files(run_dir: Path, expected: set[str]) -> list[str]:
    found = [
        *run_dir.glob("*.csv"),
        *run_dir.glob("*/*.csv"),
        *run_dir.glob("*/*.json"),
    ]
    names = {path.relative_to(run_dir).as_posix() for path in found}
    return [f"{name}: not expected" for name in sorted(names - expected)]


def _compare_file(
    run_dir: Path, name: str, rows: Rows, columns: Sequence[str]
) -> list[str]:
    path = run_dir / name
    if not path.is_file():
        return [f"{name}: missing"]
    if path.suffix == ".json":
        return _compare_json(path, name, rows)
    if read_header(path) != list(columns):
        return [f"{name}: other columns"]
    return _compare_rows(name, [guarded(row) for row in rows], read_csv(path))


def _compare_json(path: Path, name: str, rows: Rows) -> list[str]:
    document = json.loads(path.read_text(encoding="utf-8"))
    contacts, metadata = document["contacts"], document["metadata"]
    if any(tuple(contact) != EXPORT_COLUMNS for contact in contacts):
        return [f"{name}: other columns"]
    portal, _, file_name = name.partition("/")
    expected = {
        "portal": portal,
        "audience": file_name.removesuffix(".json"),
        "contacts": len(rows),
    }
    differences = [
        f"{name}: metadata {field} differs"
        for field, value in expected.items()
        if metadata.get(field) != value
    ]
    return differences + _compare_rows(name, rows, contacts)


def _compare_rows(name: str, expected: Rows, found: Rows) -> list[str]:
    expected_keys, found_keys = Counter(map(key, expected)), Counter(map(key, found))
    missing = sorted((expected_keys - found_keys).elements())
    surplus = sorted((found_keys - expected_keys).elements())
    differences = [f"{name}: row missing: {_named(one)}" for one in missing]
    differences += [f"{name}: row not expected: {_named(one)}" for one in surplus]
    if not differences and list(map(key, expected)) != list(map(key, found)):
        differences.append(f"{name}: other order of rows")
    found_by_key = {key(row): row for row in found}
    for row in expected:
        differences += _compare_row(name, row, found_by_key.get(key(row), row))
    return differences


def _compare_row(
    name: str, expected: Mapping[str, str], found: Mapping[str, str]
) -> list[str]:
    return [
        f"{name}: {column} differs: {_named(key(expected))}"
        for column in expected
        if expected[column] != found[column]
    ]


_named: Callable[[tuple[str, str, str, str]], str] = (
    "portal {0[0]!r} job {0[1]!r} activity {0[2]!r} subject {0[3]!r}".format
)

"""Who is in the files of a finished run, and on what evidence.

Files are read a row at a time: only rows with a wanted address stay in memory.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TextIO

from common.errors import ContractError
from publish.layout import EVIDENCE, RUN_SUPPRESSIONS, run_key
from publish.manifest import Manifest, RunFile
from publish.root import Root
from publish.rows import as_text, csv_records, json_contacts
from publish.suppressions.addresses import is_time
from publish.suppressions.entries import SUPPRESSION_COLUMNS, Address
from publish.suppressions.ledger import Ledger

KEY = ("portal", "job_uuid", "activity_uuid", "subject_uuid")
FORMULA = ("=", "+", "-", "@")

# The values of KEY.
type Key = tuple[str, ...]
# The values of a row by column name.
type Row = dict[str, str]
type KeyOf = Callable[[Sequence[str]], Key]


@dataclass
class Found:
    """A row with a wanted address: in which columns, and who."""

    audience: str
    buyer: str
    columns: dict[str, str] = field(default_factory=dict)

    @property
    def addresses(self) -> set[str]:
        """The wanted addresses of the row."""
        return set(self.columns.values())


def audience_files(manifest: Manifest) -> Iterator[RunFile]:
    """Yield the files of a run that people are texted from."""
    return (file for file in manifest.files if file.audience)


@contextmanager
def opened(
    root: Root, manifest: Manifest, file: RunFile
) -> Iterator[tuple[Sequence[str], Iterator[Sequence[str]]]]:
    """Yield the columns of a file and its rows. An empty JSON file has no columns."""
    key = run_key(manifest.about.run_id, file.path)
    with root.open(key) as stream, as_text(stream) as text:
        rows: Iterator[Sequence[str]]
        rows = _json(text) if file.format == "json" else csv_records(text)
        yield next(rows, ()), rows


def _json(text: TextIO) -> Iterator[Sequence[str]]:
    columns: tuple[str, ...] = ()
    for contact in json_contacts(text):
        if not columns:
            columns = tuple(contact)
            yield columns
        yield tuple(str(contact.get(column, "")) for column in columns)


def key_of(columns: Sequence[str], name: str) -> KeyOf:
    """Return what reads the key of a row; ContractError where a column is missing."""
    values_of = values_getter(columns, KEY, name)
    return lambda values: tuple(map(unguarded, values_of(values)))


def values_getter(
    columns: Sequence[str], wanted: Sequence[str], name: str
) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """Return what reads several values of a row; ContractError if one is missing."""
    missing = [column for column in wanted if column not in columns]
    if missing:
        raise ContractError(f"{name}: has no column {missing[0]}")
    return itemgetter(*map(columns.index, wanted))


def unguarded(value: str) -> str:
    """Return a value of a CSV file without the apostrophe before a formula."""
    return value[1:] if value[:1] == "'" and value[1:2] in FORMULA else value


def table(root: Root, manifest: Manifest, path: str) -> Iterator[Row]:
    """Yield the rows of a table of the whole run; none if the run does not have it."""
    for file in manifest.files:
        if file.path == path:
            with opened(root, manifest, file) as (columns, rows):
                for values in rows:
                    yield dict(zip(columns, map(unguarded, values), strict=True))


def key(row: Row, name: str) -> Key:
    """Return the key of a row of a table."""
    try:
        return tuple(row[column] for column in KEY)
    except KeyError as error:
        raise ContractError(f"{name}: has no column {error.args[0]}") from None


def decided_by(root: Root, manifest: Manifest) -> dict[Address, str]:
    """Return the suppressions that a run was decided by.

    Runs of earlier versions do not say that, so there are none.
    """
    for file in manifest.files:
        if file.path == RUN_SUPPRESSIONS:
            with opened(root, manifest, file) as (columns, rows):
                name = f"run {manifest.about.run_id}: {RUN_SUPPRESSIONS}"
                values_of = values_getter(columns, SUPPRESSION_COLUMNS, name)
                return {
                    (channel, unguarded(address)): at
                    for channel, address, at in map(values_of, rows)
                }
    return {}


def find(root: Root, manifest: Manifest, wanted: Set[str]) -> dict[Key, Found]:
    """Return the rows that have a wanted address in a phone or e-mail column."""
    found: dict[Key, Found] = {}
    for file in audience_files(manifest) if wanted else ():
        with opened(root, manifest, file) as (columns, rows):
            if not columns:
                continue
            spots = [
                (column, n)
                for n, column in enumerate(columns)
                if "phone" in column or "email" in column
            ]
            places = [n for _, n in spots]
            name = f"run {manifest.about.run_id}: {file.path}"
            key_at = key_of(columns, name)
            buyer_at = columns.index("buyer") if "buyer" in columns else None
            for values in rows:
                if wanted.isdisjoint([values[n] for n in places]):
                    continue
                buyer = "" if buyer_at is None else values[buyer_at]
                new = Found(str(file.audience), buyer)
                found.setdefault(key_at(values), new).columns.update(
                    {c: values[n] for c, n in spots if values[n] in wanted}
                )
    return found


def suppressed_rows(
    root: Root, manifest: Manifest, since: Mapping[Address, str]
) -> dict[Key, Found]:
    """Return the rows with a suppressed address that no explicit grant lifts (R9)."""
    stops = {address: at for (_, address), at in since.items()}
    found = find(root, manifest, stops.keys())
    for row in table(root, manifest, EVIDENCE) if found else ():
        who = key(row, EVIDENCE)
        if who in found and _is_dated_grant(row):
            stop = max(stops[address] for address in found[who].addresses)
            if row["consented_at"] > stop:
                del found[who]
    return found


def _is_dated_grant(row: Row) -> bool:
    return (
        row.get("basis") == "explicit"
        and row.get("dated_by") == "field"
        and is_time(row.get("consented_at", ""))
    )


def stopped_rows(root: Root, manifest: Manifest, ledger: Ledger) -> dict[Key, Found]:
    """Return the rows of a run whose people have said stop since it was decided."""
    return suppressed_rows(root, manifest, _new_stops(root, manifest, ledger))


def _new_stops(root: Root, manifest: Manifest, ledger: Ledger) -> dict[Address, str]:
    """Return the suppressions that a run was not decided by."""
    table = next((f for f in manifest.files if f.path == RUN_SUPPRESSIONS), None)
    if table is not None and table.sha256 == ledger.digest:
        return {}
    decided = decided_by(root, manifest)
    return {
        who: at for who, at in ledger.suppressed.items() if decided.get(who, "") < at
    }

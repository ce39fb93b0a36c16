"""Who is in the files of a finished run, and on what evidence.

Files are read a row at a time: only rows with a wanted address stay in memory.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
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


@dataclass(frozen=True)
class Table:
    """The rows of a file, read one at a time; `name` begins each error.

    An empty JSON file has no columns.
    """

    name: str
    columns: Sequence[str]
    rows: Iterable[Sequence[str]]

    def getter(self, wanted: Sequence[str]) -> Callable[[Sequence[str]], Key]:
        """Return what reads several values of a row.

        Raise ContractError if a column is missing.
        """
        for column in wanted:
            if column not in self.columns:
                raise ContractError(f"{self.name}: has no column {column}")
        return itemgetter(*map(self.columns.index, wanted))

    def key_getter(self) -> Callable[[Sequence[str]], Key]:
        """Return what reads the key of a row."""
        values_of = self.getter(KEY)
        return lambda values: tuple(map(unguarded, values_of(values)))


@contextmanager
def opened(root: Root, run_id: str, file: RunFile) -> Iterator[Table]:
    """Open a file of a run."""
    with root.open(run_key(run_id, file.path)) as stream, as_text(stream) as text:
        rows: Iterator[Sequence[str]]
        rows = _json(text) if file.format == "json" else csv_records(text)
        yield Table(f"run {run_id}: {file.path}", next(rows, ()), rows)


def _json(text: TextIO) -> Iterator[Sequence[str]]:
    columns: tuple[str, ...] = ()
    for contact in json_contacts(text):
        if not columns:
            columns = tuple(contact)
            yield columns
        yield [str(contact.get(column, "")) for column in columns]


def audience_tables(root: Root, manifest: Manifest) -> Iterator[tuple[str, Table]]:
    """Yield the tables that people are texted from, each with its audience."""
    for file in manifest.files:
        if file.audience:
            with opened(root, manifest.about.run_id, file) as table:
                if table.columns:
                    yield file.audience, table


def guarded(value: str) -> str:
    """Return a value as a CSV file has it, with an apostrophe before a formula."""
    return f"'{value}" if value.startswith(FORMULA) else value


def unguarded(value: str) -> str:
    """Return a value of a CSV file without the apostrophe before a formula."""
    return value[1:] if value[:1] == "'" and value[1:2] in FORMULA else value


def table(root: Root, manifest: Manifest, path: str) -> Iterator[Row]:
    """Yield the rows of a table of the whole run; none if the run does not have it."""
    for file in manifest.files:
        if file.path == path:
            with opened(root, manifest.about.run_id, file) as found:
                for values in found.rows:
                    row = map(unguarded, values)
                    yield dict(zip(found.columns, row, strict=True))


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
            with opened(root, manifest.about.run_id, file) as found:
                values_of = found.getter(SUPPRESSION_COLUMNS)
                return {
                    (channel, unguarded(address)): at
                    for channel, address, at in map(values_of, found.rows)
                }
    return {}


def find(root: Root, manifest: Manifest, wanted: Set[str]) -> dict[Key, Found]:
    """Return the rows that have a wanted address in a phone or e-mail column."""
    found: dict[Key, Found] = {}
    for audience, table in audience_tables(root, manifest) if wanted else ():
        spots = [
            (column, place)
            for place, column in enumerate(table.columns)
            if "phone" in column or "email" in column
        ]
        places = [place for _, place in spots]
        key_of = table.key_getter()
        buyer_at = table.columns.index("buyer") if "buyer" in table.columns else None
        for values in table.rows:
            if wanted.isdisjoint([values[place] for place in places]):
                continue
            buyer = "" if buyer_at is None else values[buyer_at]
            new = Found(audience, buyer)
            found.setdefault(key_of(values), new).columns.update(
                {c: values[place] for c, place in spots if values[place] in wanted}
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

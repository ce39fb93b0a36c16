"""Who a build suppresses (rule R9): the ledger and the list, taken together.

What the list has and the ledger has not is recorded first, whatever becomes of the
build. So a list that is empty, cut or missing never brings anybody back.
"""

from dataclasses import dataclass, replace

from duckdb import DuckDBPyConnection

from common.text import counted
from ops.build.invocation import Invocation
from ops.build.variables import VARIABLES
from publish.manifest import Listed, Suppressions
from publish.promotion import promoted_segments
from publish.root import Root
from publish.settings import export_root
from publish.suppressions.current_list import (
    LIST,
    SOURCE,
    list_address,
    record_current_list,
)
from publish.suppressions.entries import STOP
from publish.suppressions.ledger import Ledger, Recorded, read_ledger
from publish.suppressions.lists import describe_unreadable

TABLE = """
    create table if not exists landing.suppressions
    (channel varchar, address varchar, suppressed_at varchar)
"""
# One text of all lines is much faster than lists. No address or time has a comma.
FILL = """
    insert into landing.suppressions
    select split_part(line, ',', 1), split_part(line, ',', 2), split_part(line, ',', 3)
    from (select unnest(string_split($1, chr(10))) as line)
    where line != ''
"""
MATCHED = """
    select count(distinct (channel, address))
    from intermediate.int_suppressions
    inner join intermediate.int_contact_routes using (portal, channel, address)
"""
MATCHED_MODELS = ("int_suppressions", "int_contact_routes")


@dataclass(frozen=True)
class Taken:
    """What a build took at its start, and how it says so."""

    facts: Suppressions
    text: str

    @property
    def is_missing(self) -> bool:
        """Return whether there was neither a ledger nor a list."""
        return self.facts.is_missing


_taken: dict[str, Taken] = {}


def take(cursor: DuckDBPyConnection, build: Invocation) -> Taken:
    """Record the list, and make landing.suppressions of the whole ledger.

    ConfigError where lines of the list cannot be read, ContractError where a segment is
    damaged or missing.
    """
    taken, ledger = _read(export_root(), _allowed(build))
    cursor.execute("create schema if not exists landing")
    # An older database has a table of other columns.
    cursor.execute("drop table if exists landing.suppressions")
    cursor.execute(TABLE)
    _, _, lines = ledger.table.partition("\n")
    cursor.execute(FILL, [lines])
    _taken[build.run_id] = taken
    return taken


def keep(cursor: DuckDBPyConnection) -> None:
    """Make landing.suppressions for a command that decides nothing, if it is new."""
    cursor.execute("create schema if not exists landing")
    cursor.execute(TABLE)


def facts(cursor: DuckDBPyConnection, build: Invocation) -> Suppressions | None:
    """Return what a manifest and a report say of a build's suppressions."""
    taken = _taken.get(build.run_id)
    if taken is None:
        return None
    good = {result.name for result in build.results.values() if result.is_good}
    if not good.issuperset(MATCHED_MODELS):
        return taken.facts
    return replace(taken.facts, matched=cursor.execute(MATCHED).fetchall()[0][0])


def _allowed(build: Invocation) -> int:
    """Return how many lines may be unreadable: none, if the variable is wrong."""
    value = build.variables["allow_unreadable"]
    is_wrong = VARIABLES["allow_unreadable"].check(value, ())
    return 0 if is_wrong else int(value)


def _read(root: Root, allowed: int) -> tuple[Taken, Ledger]:
    done = record_current_list(root, allowed)
    if done is not None:
        listed = _listed(done)
        text = _describe(list_address(), done, listed)
        return Taken(done.ledger.facts(listed), text), done.ledger
    ledger = read_ledger(root, promoted_segments(root))
    held = ledger.facts()
    text = (
        f"No list; the ledger holds {counted(len(ledger.suppressed), 'suppression')}."
    )
    if held.is_missing:
        text = (
            f"NO SUPPRESSIONS: {LIST} is not set, and the export root has no "
            "ledger: people who said stop can get a text."
        )
    return Taken(held, text), ledger


def _listed(done: Recorded) -> Listed:
    listing = done.listing
    given = {entry.who for entry in listing.entries}
    gone = {
        entry.who
        for entry in done.ledger.entries
        if entry.source == SOURCE and entry.action == STOP
    }
    return Listed(
        digest=listing.digest,
        rows=listing.rows,
        added=done.added,
        known=done.known,
        repaired=listing.repaired,
        unreadable=len(listing.unreadable),
        rejected_emails=listing.rejected_emails,
        gone=len((gone & done.ledger.suppressed.keys()) - given),
    )


def _describe(path: str, done: Recorded, listed: Listed) -> str:
    text = (
        f"Suppressions in force: {len(done.ledger.suppressed):,}. {path}: "
        f"{counted(listed.rows, 'line')}, {listed.added:,} added, {listed.known:,} "
        f"known, {counted(listed.repaired, 'phone')} repaired, "
        f"{counted(listed.rejected_emails, 'e-mail')} rejected; no longer listed, and "
        f"still suppressed: {listed.gone:,}."
    )
    if listed.unreadable:
        text += f" UNREADABLE, and allowed: {describe_unreadable(done.listing)}."
    return text

"""What the ledger consists of, and who is suppressed by it.

An entry is a row of a segment. A `stop` suppresses an address, and a `start` lifts the
stops before it; of equal times, the stop counts. A `withdraw` takes back one stop or
start, which it names: its `channel` and `address` are those of the entry, its `at` is
when the entry was taken back, and its `source` says which entry it is:

    ACTION TIME            that stop or start, whatever its source
    ACTION TIME SOURCE     that of this source alone

So taking back all of an address or a source adds a row for each of its entries: what
is recorded later, even with an earlier time, still counts. A stop that lies in the
future can be taken back too, as the withdrawal itself never does.

Times are text, `YYYY-MM-DDTHH:MM:SSZ`, which sorts by time. The order of entries and
their times of recording never matter.
"""

from collections.abc import Container, Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from publish.suppressions.addresses import TIME_FORMAT

STOP = "stop"
START = "start"
WITHDRAW = "withdraw"
ACTIONS = (STOP, START, WITHDRAW)
SUPPRESSION_COLUMNS = ("channel", "address", "suppressed_at")

# Channel and address.
type Address = tuple[str, str]


class Entry(NamedTuple):
    """A row of the ledger. In a list, a stop without a time has an empty `at`."""

    channel: str
    address: str
    action: str
    at: str
    reason: str
    source: str
    recorded_at: str

    @property
    def who(self) -> Address:
        """Return channel and address."""
        return self[:2]


class Target(NamedTuple):
    """What a withdrawal names. Without a source, it holds for all of them."""

    action: str
    at: str
    source: str


def target(entry: Entry) -> Target:
    """Return what a withdrawal names."""
    action, _, rest = entry.source.partition(" ")
    at, _, source = rest.partition(" ")
    return Target(action, at, source)


def withdrawal(
    entry: Entry, reason: str, recorded_at: str, *, only_its_source: bool
) -> Entry:
    """Return the entry that takes another one back."""
    name = f"{entry.action} {entry.at}"
    if only_its_source:
        name += f" {entry.source}"
    return Entry(*entry.who, WITHDRAW, recorded_at, reason, name, recorded_at)


def taken_back(entries: Iterable[Entry], *, whole: bool = False) -> set[Entry]:
    """Return the stops and starts that have been taken back.

    `whole` leaves out those that were taken back for their own source alone.
    """
    known = list(entries)
    targets = {(*e.who, *target(e)) for e in known if e.action == WITHDRAW}
    if not targets:
        return set()
    addresses = {name[:2] for name in targets}
    return {
        entry
        for entry in known
        if entry[:2] in addresses
        and (
            (*entry[:4], "") in targets
            or (not whole and (*entry[:4], entry.source) in targets)
        )
    }


def suppressed(entries: Iterable[Entry]) -> dict[Address, str]:
    """Return who is suppressed, and the latest time that each said stop."""
    known = list(entries)
    gone = taken_back(known)
    stops: dict[Address, str] = {}
    starts: dict[Address, str] = {}
    for entry in known:
        if entry.action == WITHDRAW or (gone and entry in gone):
            continue
        times = stops if entry.action == STOP else starts
        who = entry[:2]
        if entry.at > times.get(who, ""):
            times[who] = entry.at
    return {who: at for who, at in stops.items() if at >= starts.get(who, "")}


def new_entries(
    known: Iterable[Entry], listed: Iterable[Entry], recorded_at: str
) -> list[Entry]:
    """Return what a list adds to the known entries.

    The same entry again adds nothing, unless it was taken back for another source
    alone. A stop without a time is dated `recorded_at`, and added only where the
    address is not suppressed and no stop of it by that source was taken back.
    """
    wanted = list(listed)
    addresses = {entry.address for entry in wanted}
    present = [entry for entry in known if entry.address in addresses]
    gone = taken_back(present)
    taken_from = {(entry[:4], entry.source) for entry in gone}
    settled = {entry[:4] for entry in present if not gone or entry not in gone}
    settled |= {entry[:4] for entry in taken_back(present, whole=True)}
    fresh = {
        entry[:4]: entry
        for entry in wanted
        if entry.at
        and entry[:4] not in settled
        and (entry[:4], entry.source) not in taken_from
    }
    undated = [entry for entry in wanted if not entry.at]
    if undated:
        stopped = suppressed([*present, *fresh.values()])
        taken = {entry[:4] for entry in gone}
        silenced = {(e.who, e.source) for e in gone if e.action == STOP}
        for entry in undated:
            if entry.who not in stopped and (entry.who, entry.source) not in silenced:
                dated = _dated(entry, recorded_at, taken)
                fresh.setdefault(dated[:4], dated)
    return list(fresh.values())


def _dated(entry: Entry, at: str, taken: Container[tuple[str, ...]]) -> Entry:
    """Date a stop; later, where the stop of that second was taken back."""
    dated = entry._replace(at=at)
    while dated[:4] in taken:
        later = datetime.strptime(dated.at, TIME_FORMAT) + timedelta(seconds=1)
        dated = dated._replace(at=later.strftime(TIME_FORMAT))
    return dated


def suppressions_csv(suppressions: Mapping[Address, str]) -> str:
    """Return the text of a run's suppressions.csv: sorted, with a header."""
    rows = sorted((*who, at) for who, at in suppressions.items())
    # Neither an address nor a time has anything to quote.
    return "".join(f"{','.join(row)}\n" for row in (SUPPRESSION_COLUMNS, *rows))

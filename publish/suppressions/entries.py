"""What the ledger consists of, and who is suppressed by it.

An entry is a row of a segment. A `stop` suppresses an address, and a `start` lifts the
stops before it; of equal times, the stop counts. A `withdraw` takes back one stop or
start, which it names: its `channel` and `address` are those of the entry, its `at` is
when the entry was taken back, and its `source` is `TIME` or `TIME SOURCE`:

    TIME            the entries of the address at that time, whatever their source
    TIME SOURCE     only those of that source

So taking back all of an address or a source adds a row for each of its entries: what
is recorded later, even with an earlier time, still counts. A stop that lies in the
future can be taken back too, as the withdrawal itself never does.

Times are text, `YYYY-MM-DDTHH:MM:SSZ`, which sorts by time. The order of entries and
their times of recording never matter.
"""

import csv
import io
from collections.abc import Container, Iterable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from publish.suppressions.addresses import TIME_FORMAT

SMS = "sms"
EMAIL = "email"
CHANNELS = (SMS, EMAIL)
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
        """Channel and address."""
        return self.channel, self.address


class Withdrawals:
    """What has been taken back, to be asked of one entry after the other."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._targets = {
            (entry.channel, entry.address, *withdrawn(entry))
            for entry in entries
            if entry.action == WITHDRAW
        }

    def take_back(self, entry: Entry) -> bool:
        """Say whether a stop or start has been taken back."""
        name = (entry.channel, entry.address, entry.at)
        return (*name, "") in self._targets or (*name, entry.source) in self._targets


def withdrawn(entry: Entry) -> tuple[str, str]:
    """Return the time and source (empty: any) that a withdrawal names."""
    at, _, source = entry.source.partition(" ")
    return at, source


def withdrawal(
    entry: Entry, reason: str, recorded_at: str, *, only_its_source: bool
) -> Entry:
    """Return the entry that takes another one back."""
    target = f"{entry.at} {entry.source}" if only_its_source else entry.at
    return Entry(*entry.who, WITHDRAW, recorded_at, reason, target, recorded_at)


def suppressed(entries: Iterable[Entry]) -> dict[Address, str]:
    """Return who is suppressed, and the latest time that each said stop."""
    known = list(entries)
    withdrawals = Withdrawals(known)
    latest: dict[str, dict[Address, str]] = {STOP: {}, START: {}}
    for entry in known:
        if entry.action != WITHDRAW and not withdrawals.take_back(entry):
            times = latest[entry.action]
            times[entry.who] = max(entry.at, times.get(entry.who, ""))
    starts = latest[START]
    return {w: at for w, at in latest[STOP].items() if at >= starts.get(w, "")}


def new_entries(
    known: Iterable[Entry], listed: Iterable[Entry], recorded_at: str
) -> list[Entry]:
    """Return what a list adds to the known entries.

    The same entry again adds nothing, unless it was taken back for another source
    alone. A stop without a time is dated `recorded_at`, and added only where the
    address is not suppressed and no stop of it by that source was taken back.
    """
    present, wanted = list(known), list(listed)
    withdrawals = Withdrawals(present)
    standing = {entry[:4] for entry in present if not withdrawals.take_back(entry)}
    # Of a stop or start that was taken back: its sources, and that is it for any.
    gone = {(*entry[:4], entry.source) for entry in present} | {
        entry[:4]
        for entry in present
        if withdrawals.take_back(entry._replace(source=""))
    }
    fresh = {
        entry[:4]: entry
        for entry in wanted
        if entry.at
        and entry[:4] not in standing
        and entry[:4] not in gone
        and (*entry[:4], entry.source) not in gone
    }
    taken = {entry[:4] for entry in present}
    stopped = suppressed([*present, *fresh.values()])
    taken_back = {
        (*entry.who, entry.source)
        for entry in present
        if entry.action == STOP and withdrawals.take_back(entry)
    }
    for entry in wanted:
        if (
            not entry.at
            and entry.who not in stopped
            and (*entry.who, entry.source) not in taken_back
        ):
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
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(SUPPRESSION_COLUMNS)
    writer.writerows((*who, at) for who, at in sorted(suppressions.items()))
    return text.getvalue()


def digest(suppressions: Mapping[Address, str]) -> str:
    """Return the sha256 (hex) of `suppressions_csv`."""
    return sha256(suppressions_csv(suppressions).encode()).hexdigest()

"""The ledger of a root: suppressions/SEGMENT.csv, which is only ever added to.

A segment's name is the time that it was written and the beginning of its sha256, so
names sort by time, never collide, and show where a segment was cut or changed. A
segment of another name that ends with `.csv` counts too.

A bucket takes long to read many segments. So every MOST_LOOSE of them are restated in
suppressions/compacted/SEGMENT.csv, which has the segment's name before each row. A
segment that is restated is not read, but must be there: all are kept.
"""

import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from common.errors import ConfigError, ContractError, StorageError, UnknownPersonError
from common.files import make_folder, remove, storage, write_private
from common.locks import locked
from common.seeds import portal_regions
from publish.layout import SUPPRESSIONS
from publish.manifest import Listed, Suppressions
from publish.root import MOST_READERS, Root
from publish.suppressions.addresses import (
    CHANNELS,
    EMAIL,
    SMS,
    are_emails,
    are_phones,
    is_time,
    write_time,
)
from publish.suppressions.entries import (
    ACTIONS,
    START,
    STOP,
    WITHDRAW,
    Address,
    Entry,
    new_entries,
    suppressed,
    suppressions_csv,
    taken_back,
    target,
    withdrawal,
)
from publish.suppressions.lists import Listing, describe_unreadable, read_list

# Such a segment goes to a bucket in one request.
MOST_ENTRIES = 20_000
# Segments that are not restated in a compacted one.
MOST_LOOSE = 50
COMPACTED = "compacted/"
LOCK = ".suppressions.lock"
COMPACTED_COLUMNS = ("segment", *Entry._fields)

_NAME = re.compile(r"[0-9]{8}T[0-9]{12}Z-([0-9a-f]{16})\.csv", re.ASCII)


# The entries of segments, by name.
type Segments = dict[str, list[Entry]]


@dataclass(frozen=True)
class Ledger:
    """The entries of a root, and the names of the segments that they were read from."""

    segments: tuple[str, ...]
    entries: tuple[Entry, ...]
    loose: int = field(default=0, compare=False)

    @cached_property
    def suppressed(self) -> Mapping[Address, str]:
        """Return who is suppressed, and since when."""
        return suppressed(self.entries)

    @cached_property
    def table(self) -> str:
        """Return the text of suppressions.csv of a run that this ledger decides."""
        return suppressions_csv(self.suppressed)

    @cached_property
    def digest(self) -> str:
        """Return the sha256 of the table."""
        return sha256(self.table.encode()).hexdigest()

    def facts(self, listed: Listed | None = None) -> Suppressions:
        """Return what a manifest says of the ledger, and of the list recorded in it."""
        channels = [channel for channel, _ in self.suppressed]
        return Suppressions(
            segments=self.segments,
            entries=len(self.entries),
            suppressed={channel: channels.count(channel) for channel in CHANNELS},
            digest=self.digest,
            matched=None,
            listed=listed,
        )


@dataclass(frozen=True)
class Recorded:
    """What recording a list did. `ledger` is the ledger with what was added."""

    listing: Listing
    added: int
    ledger: Ledger

    @property
    def known(self) -> int:
        """How many entries of the list added nothing."""
        return len(self.listing.entries) - self.added


@dataclass(frozen=True)
class _Read:
    """What was read of a root: the sizes of its files, and the segments in each."""

    files: Mapping[str, int]
    parts: Mapping[str, Segments]
    ledger: Ledger


# A build reads the ledger several times, and segments never change.
_last_read: dict[Root, _Read] = {}


def read_ledger(root: Root, named: Collection[str] = ()) -> Ledger:
    """Read all segments that this process has not read yet.

    Raise ContractError if one cannot be read, or if one of `named`, as the promoted
    run's manifest names them, is missing.
    """
    ledger = _read(root).ledger
    _refuse_missing(root, set(named) - set(ledger.segments))
    return ledger


def _read(root: Root) -> _Read:
    files = root.list_files(SUPPRESSIONS)
    last = _last_read.get(root)
    if last is not None and last.files == files:
        return last
    known: dict[str, Segments] = {}
    if last is not None:
        known = {n: p for n, p in last.parts.items() if files.get(n) == last.files[n]}
    compacted = {name for name in files if name.startswith(COMPACTED)}
    parts = _read_parts(root, compacted, known)
    found = {name: entries for p in parts.values() for name, entries in p.items()}
    _refuse_missing(root, found.keys() - files.keys())
    loose = _read_parts(root, files.keys() - compacted - found.keys(), known)
    for part in loose.values():
        found |= part
    names = tuple(sorted(found))
    entries = tuple(entry for name in names for entry in found[name])
    read = _Read(files, parts | loose, Ledger(names, entries, len(loose)))
    _last_read[root] = read
    return read


def _read_parts(
    root: Root, names: Collection[str], known: Mapping[str, Segments]
) -> dict[str, Segments]:
    parts = {name: known[name] for name in names if name in known}
    for name, content in _fetch(root, sorted(set(names) - parts.keys())):
        parts[name] = _read_segment(root, name, content)
    return parts


def _refuse_missing(root: Root, names: Collection[str]) -> None:
    if names:
        raise ContractError(
            f"{_address(root, min(names))}: is missing, and the promoted run or a "
            "compacted segment names it: put it back"
        )


def _fetch(root: Root, names: list[str]) -> Iterator[tuple[str, bytes | None]]:
    with ThreadPoolExecutor(MOST_READERS) as pool:
        contents = pool.map(lambda name: root.read(_key(name)), names)
        yield from zip(names, contents, strict=True)


def copy_segments(root: Root, names: Collection[str], folder: Path) -> None:
    """Copy segments into a local root of their own."""
    for name, content in _fetch(root, sorted(names)):
        if content is None:
            raise ContractError(f"{_address(root, name)}: is missing: put it back")
        target = folder / _key(name)
        make_folder(target.parent)
        write_private(target, content)


def record(
    root: Root,
    list_file: Path,
    *,
    format_name: str = "",
    source: str = "",
    allow_unreadable: int = 0,
    named: Collection[str] = (),
) -> Recorded:
    """Add to the ledger what a list has that the ledger has not.

    Readable lines are recorded in any case. After that, more unreadable lines than
    `allow_unreadable` are a ConfigError. `source` is what the entries say they come
    from: by default the format and the file's name. `named` is that of `read_ledger`.
    """
    regions = portal_regions()
    with _recording(root):
        now = datetime.now(UTC)
        listing = read_list(
            list_file,
            regions,
            write_time(now),
            format_name=format_name,
            source=source,
        )
        ledger = read_ledger(root, named)
        fresh = new_entries(ledger.entries, listing.entries, write_time(now))
        ledger = _add(root, ledger, fresh, now)
    if len(listing.unreadable) > allow_unreadable:
        raise ConfigError(
            f"{list_file}: {len(listing.unreadable)} of {listing.rows} lines cannot be "
            f"read, and {allow_unreadable} are allowed; the other lines are recorded. "
            f"{describe_unreadable(listing)}"
        )
    return Recorded(listing, len(fresh), ledger)


def withdraw(
    root: Root,
    reason: str,
    *,
    address: Address | None = None,
    at: str = "",
    source: str = "",
) -> list[Entry]:
    """Take back the entries of an address, of an address at a time, or of a source.

    Return the entries that were taken back. UnknownPersonError where there are none.
    What is recorded later is not taken back.
    """
    with _recording(root):
        now = datetime.now(UTC)
        ledger = read_ledger(root)
        gone = taken_back(ledger.entries)
        found = [
            entry
            for entry in ledger.entries
            if entry.action != WITHDRAW
            and (entry.source == source if address is None else entry.who == address)
            and at in ("", entry.at)
            and entry not in gone
        ]
        if not found:
            raise UnknownPersonError("the ledger has no such entry to take back")
        rows = (
            withdrawal(entry, reason, write_time(now), only_its_source=address is None)
            for entry in found
        )
        _add(root, ledger, list(dict.fromkeys(rows)), now)
    return found


@contextmanager
def _recording(root: Root) -> Iterator[None]:
    """Let one process of this machine record at a time."""
    with storage(root.staging):
        make_folder(root.staging.parent)
        with locked(root.staging.parent / LOCK):
            try:
                # A process that was killed may have left a segment here.
                remove(_staging(root))
                yield
            finally:
                remove(_staging(root))


def _staging(root: Root) -> Path:
    return root.staging / SUPPRESSIONS


def _add(root: Root, ledger: Ledger, fresh: list[Entry], now: datetime) -> Ledger:
    """Write entries to new segments; return the ledger as it is then."""
    if not fresh:
        return ledger
    for start in range(0, len(fresh), MOST_ENTRIES):
        entries = fresh[start : start + MOST_ENTRIES]
        _write(root, "", [Entry._fields, *entries], now)
    written = read_ledger(root)
    if written.loose >= MOST_LOOSE:
        _compact(root, now)
        written = read_ledger(root)
    return written


def _compact(root: Root, now: datetime) -> None:
    """Restate the segments that are not restated yet."""
    rows: list[tuple[str, ...]] = []
    for name, part in _read(root).parts.items():
        if name.startswith(COMPACTED):
            continue
        if rows and len(rows) + len(part[name]) > MOST_ENTRIES:
            _write(root, COMPACTED, [COMPACTED_COLUMNS, *rows], now)
            rows = []
        rows += [(name, *entry) for entry in part[name]]
    _write(root, COMPACTED, [COMPACTED_COLUMNS, *rows], now)


def _write(
    root: Root, place: str, rows: Iterable[tuple[str, ...]], now: datetime
) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    content = text.getvalue().encode()
    digest = sha256(content).hexdigest()
    name = f"{now:%Y%m%dT%H%M%S%f}Z-{digest[:16]}.csv"
    staged = _staging(root) / name
    make_folder(staged.parent)
    write_private(staged, content)
    try:
        root.add(_key(place + name), staged, name, digest)
    except StorageError:
        # Another process may have written the same entries at the same moment.
        if root.read(_key(place + name)) != content:
            raise


def _read_segment(root: Root, name: str, content: bytes | None) -> Segments:
    try:
        return _parse(name, content)
    except (ValueError, csv.Error) as error:
        raise ContractError(
            f"{_address(root, name)}: is not a whole segment of the ledger ({error}): "
            "put it back as it was"
        ) from None


def _parse(name: str, content: bytes | None) -> Segments:
    """Return the entries of a segment; ValueError without any of its content."""
    if content is None:
        raise ValueError("it is gone")
    digest = _NAME.fullmatch(name.removeprefix(COMPACTED))
    if digest and not sha256(content).hexdigest().startswith(digest[1]):
        raise ValueError("its content is not what was written")
    if not name.endswith(".csv"):
        raise ValueError("its name does not end with .csv")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    if not text.endswith("\n"):
        raise ValueError("it has been cut")
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    is_compacted = name.startswith(COMPACTED)
    columns = COMPACTED_COLUMNS if is_compacted else Entry._fields
    if next(rows, None) != list(columns):
        raise ValueError("its header is wrong")
    found: Segments = {} if is_compacted else {name: []}
    try:
        if is_compacted:
            for segment, lines in groupby(rows, itemgetter(0)):
                entries = [Entry._make(fields[1:]) for fields in lines]
                found.setdefault(segment, []).extend(entries)
        else:
            found[name] = [Entry._make(fields) for fields in rows]
    except (IndexError, TypeError):
        raise ValueError("a line has the wrong number of fields") from None
    _check([entry for entries in found.values() for entry in entries])
    return found


def _check(entries: list[Entry]) -> None:
    if not entries:
        return
    # Checked by column: a build reads all segments, and waits for it.
    channels, addresses, actions, ats, _, _, recorded_ats = zip(*entries, strict=True)
    if not set(actions) <= set(ACTIONS):
        raise ValueError("it has an unknown action")
    by_channel = list(zip(channels, addresses, strict=True))
    phones = [address for channel, address in by_channel if channel == SMS]
    emails = [address for channel, address in by_channel if channel == EMAIL]
    is_known = set(channels) <= set(CHANNELS)
    if not (is_known and are_phones(phones) and are_emails(emails)):
        raise ValueError("it has an address that cannot be read")
    times = {*ats, *recorded_ats}
    others = [entry for entry in entries if entry.action != STOP]
    targets = [target(entry) for entry in others if entry.action == WITHDRAW]
    if not {name.action for name in targets} <= {STOP, START}:
        raise ValueError("it has a withdrawal of nothing")
    times |= {name.at for name in targets}
    if not all(map(is_time, times)):
        raise ValueError("it has a time that cannot be read")
    if any(entry.at > entry.recorded_at for entry in others):
        raise ValueError("it has a start or withdrawal from after it was recorded")


def _key(name: str) -> str:
    return f"{SUPPRESSIONS}/{name}"


def _address(root: Root, name: str) -> str:
    return root.address(_key(name))

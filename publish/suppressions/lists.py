"""Reading a list of people who said stop. No message has anything that a list holds."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from common.errors import ConfigError
from common.files import storage
from publish.suppressions.addresses import (
    CHANNELS,
    EMAIL,
    SMS,
    is_cut,
    phones,
    phones_by_region,
    read_email,
    read_time,
    repair,
    trim,
)
from publish.suppressions.entries import START, STOP, Entry
from publish.suppressions.formats import FORMATS, NOTHING, Format, columns, recognize

# As bytes that begin a file in UTF-16.
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# What a spreadsheet writes that does not write UTF-8.
SPREADSHEET = "cp1252"
MOST_LINES_SHOWN = 20

QUOTES = "its quotes do not close, or it is not CSV"

type Record = tuple[int, list[str] | None]


class UnreadableLineError(Exception):
    """A line that cannot be read; the text says how it is wrong."""


@dataclass
class Listing:
    """What a list says. `unreadable` has line numbers, and how each is wrong.

    `digest` is the sha256 of the file.
    """

    format: str
    source: str
    digest: str
    entries: list[Entry] = field(default_factory=list)
    rows: int = 0
    repaired: int = 0
    rejected_emails: int = 0
    unreadable: list[tuple[int, str]] = field(default_factory=list)


def read_list(
    path: Path,
    regions: Sequence[str],
    recorded_at: str,
    *,
    format_name: str = "",
    source: str = "",
) -> Listing:
    """Read a list; ConfigError where there is none or its header is unknown.

    `regions` are those of the portals. Stops without a time have an empty `at`.
    `source` is what entries say they come from, by default the format and file name.
    """
    content = _read(path)
    digest = sha256(content).hexdigest()
    text = _decoded(content)
    where = str(path)
    if format_name and format_name not in FORMATS:
        raise ConfigError(f"a list's format is one of {', '.join(FORMATS)}")
    lines = io.StringIO(text, newline="").readlines()
    first = next((n for n, line in enumerate(lines) if trim(line)), None)
    if first is None:
        empty = source or f"{format_name} {path.name}".strip()
        return Listing(format_name, empty, digest)
    # Quotes that do not close in a header are an unknown header.
    header = next(csv.reader(lines[first : first + 1]), [])
    known = (
        FORMATS[format_name] if format_name else recognize(where, header, lines[first])
    )
    listing = Listing(known.name, source or f"{known.name} {path.name}", digest)
    if known.has_header:
        places = columns(where, known, header)
        reader = _Reader(known, places, regions, recorded_at, len(header))
        records = _records(lines, first + 1, reader)
    else:
        reader = _Reader(known, {known.address: 0}, regions, recorded_at)
        records = ((n, [line.replace('"', "")]) for n, line in enumerate(lines, 1))
    for number, fields in records:
        _add(listing, reader, number, fields)
    return listing


def _read(path: Path) -> bytes:
    with storage(path):
        try:
            return path.read_bytes()
        except FileNotFoundError:
            raise ConfigError(f"{path}: there is no such file") from None


def _decoded(content: bytes) -> str:
    if content.startswith(UTF16_MARKS):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode(SPREADSHEET, errors="replace")


@dataclass(frozen=True)
class _Reader:
    """Reads the fields of a line."""

    format: Format
    places: dict[str, int]
    regions: Sequence[str]
    recorded_at: str
    width: int = 1

    def read(self, fields: Sequence[str] | None) -> tuple[list[Entry], bool]:
        """Return the entries of a line, and whether its phone was repaired.

        Their source is still empty. None at all: the line says nothing, or its e-mail
        is rejected. UnreadableLineError says how a line is wrong.
        """
        if fields is None:
            raise UnreadableLineError(QUOTES)
        if len(fields) != self.width:
            raise UnreadableLineError(f"it has {len(fields)} fields, not {self.width}")
        action = self._action(fields)
        if action == NOTHING:
            return [], False
        channel = self._channel(fields)
        at = self._time(fields, action)
        address = self._field(fields, self.format.address)
        if not address:
            raise UnreadableLineError("its address is empty")
        found: set[str] = set()
        is_repaired = False
        if channel == SMS:
            found, is_repaired = self._phones(address, action)
        elif (email := read_email(address)) is not None:
            found = {email}
        reason = self._field(fields, self.format.reason)
        return [
            Entry(channel, address, action, at, reason, "", self.recorded_at)
            for address in sorted(found)
        ], is_repaired

    def _field(self, fields: Sequence[str], column: str) -> str:
        place = self.places.get(column)
        return "" if place is None else trim(fields[place])

    def _action(self, fields: Sequence[str]) -> str:
        if self.format.action not in self.places:
            return STOP
        word = self._field(fields, self.format.action).upper()
        if word not in self.format.words:
            words = ", ".join(filter(None, self.format.words))
            raise UnreadableLineError(f"its {self.format.action} is none of {words}")
        return self.format.words[word]

    def _channel(self, fields: Sequence[str]) -> str:
        if not self.format.channel:
            return SMS
        channel = self._field(fields, self.format.channel).lower()
        if channel not in CHANNELS:
            raise UnreadableLineError("its channel is neither sms nor email")
        return channel

    def _time(self, fields: Sequence[str], action: str) -> str:
        text = self._field(fields, self.format.time)
        if not text and not self.format.needs_time:
            return ""
        at = read_time(text, round_up=action == STOP)
        if at is None:
            raise UnreadableLineError(f"its {self.format.time} cannot be read")
        if action == START and at > self.recorded_at:
            raise UnreadableLineError("its start lies in the future")
        return at

    def _phones(self, text: str, action: str) -> tuple[set[str], bool]:
        if is_cut(text):
            raise UnreadableLineError(
                "a spreadsheet has cut its phone to a few digits (as 1.2E+10)"
            )
        whole, is_repaired = repair(text)
        # A start must not lift the stop of the person who has the other reading.
        read = phones_by_region if action == START else phones
        found = read(whole, self.regions)
        if not found:
            raise UnreadableLineError("its phone is not a possible number")
        return found, is_repaired


def _add(
    listing: Listing, reader: _Reader, number: int, fields: list[str] | None
) -> None:
    if fields is not None and not any(map(trim, fields)):
        return
    listing.rows += 1
    try:
        entries, is_repaired = reader.read(fields)
    except UnreadableLineError as error:
        listing.unreadable.append((number, str(error)))
        return
    listing.repaired += is_repaired
    listing.entries += [e._replace(source=listing.source) for e in entries]
    if not entries and fields is not None and _is_email(reader, fields):
        listing.rejected_emails += 1


def _is_email(reader: _Reader, fields: Sequence[str]) -> bool:
    place = reader.places.get(reader.format.channel)
    return place is not None and trim(fields[place]).lower() == EMAIL


def _records(lines: list[str], start: int, reader: _Reader) -> Iterator[Record]:
    """Yield the records of a CSV with the numbers of their first lines.

    A quote that does not close would swallow the lines after it. So a record that
    cannot be split, or has a line in it that is an entry by itself, is given as None,
    and reading goes on in its second line.
    """
    while start < len(lines):
        rows = csv.reader(iter(lines[start:]), strict=True)
        begin = start
        try:
            for fields in rows:
                end = start + rows.line_num
                inside = lines[begin + 1 : end]
                if any(_is_entry(line, reader) for line in inside):
                    break
                yield begin + 1, fields
                begin = end
            else:
                return
        except csv.Error:
            pass
        yield begin + 1, None
        start = begin + 1


def _is_entry(line: str, reader: _Reader) -> bool:
    try:
        fields = next(csv.reader([line], strict=True), [])
        return bool(reader.read(fields)[0])
    except (csv.Error, UnreadableLineError):
        return False


def describe_unreadable(listing: Listing) -> str:
    """Return the unreadable lines by how they are wrong, without their content."""
    by_reason: dict[str, list[int]] = {}
    for number, reason in listing.unreadable:
        by_reason.setdefault(reason, []).append(number)
    texts = []
    for reason, numbers in by_reason.items():
        shown = ", ".join(map(str, numbers[:MOST_LINES_SHOWN]))
        more = len(numbers) - MOST_LINES_SHOWN
        rest = f" and {more} more" if more > 0 else ""
        texts.append(f"line{'s' if len(numbers) > 1 else ''} {shown}{rest}: {reason}")
    return "; ".join(texts)

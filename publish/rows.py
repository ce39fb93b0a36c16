"""Reading the rows of an export file, in little memory."""

import csv
import json
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BufferedIOBase, TextIOWrapper
from itertools import chain
from typing import BinaryIO, TextIO

from common.errors import ContractError

CHUNK_CHARACTERS = 1 << 20
# A contact is about a kilobyte; a longer value than this is damage.
VALUE_CHARACTERS = 1 << 24
# More than any white space and punctuation between two contacts.
GLUE_CHARACTERS = 100

_OPENING = re.compile(r'\s*\{\s*"contacts"\s*:\s*\[\s*')
_EMPTY = re.compile(r"(?=\])")
_NEXT = re.compile(r"\s*,\s*(?=\{)")
_METADATA = re.compile(r'\s*\]\s*,\s*"metadata"\s*:\s*')
_CLOSING = re.compile(r"\s*\}\s*\Z")


def count_rows(content: BufferedIOBase, file_format: str) -> int:
    """Count the records of a CSV file, or the contacts of a JSON file.

    Raise ContractError if the file is damaged.
    """
    with as_text(content) as text:
        if file_format == "json":
            return sum(1 for _ in json_contacts(text))
        return _count_csv_records(text)


def _count_csv_records(file: TextIO) -> int:
    """Count the records after the header.

    In a line without quotes, the commas say how long the record is: that takes a fourth
    of the time of csv.reader, which reads the others.
    """
    header = next(csv_records(file))
    rows = 0
    try:
        for line in file:
            if '"' in line or "\r" in line or line == "\n":
                length = len(next(csv.reader(chain([line], file), strict=True)))
            else:
                length = line.count(",") + 1
            rows += 1
            if length != len(header):
                raise ContractError(f"record {rows} is not as long as the header")
    except csv.Error as error:
        raise ContractError(f"is damaged CSV after record {rows}") from error
    return rows


@contextmanager
def as_text(content: BinaryIO | BufferedIOBase) -> Iterator[TextIO]:
    """Read a file as text; raise ContractError if it is not UTF-8."""
    # Typeshed requires a name, which the stream does not need.
    text = TextIOWrapper(content, encoding="utf-8", newline="")  # type: ignore[type-var]
    try:
        yield text
    except UnicodeDecodeError as error:
        raise ContractError("is not UTF-8") from error
    finally:
        text.detach()


def csv_records(file: TextIO) -> Iterator[list[str]]:
    """Yield the header of a CSV file, then its records, all of the same length."""
    csv.field_size_limit(sys.maxsize)
    records = csv.reader(file, strict=True)
    rows = 0
    try:
        header = next(records, None)
        if not header:
            raise ContractError("has no header")
        yield header
        for record in records:
            rows += 1
            if len(record) != len(header):
                raise ContractError(f"record {rows} is not as long as the header")
            yield record
    except csv.Error as error:
        raise ContractError(f"is damaged CSV after record {rows}") from error


def raw_records(content: Iterable[bytes]) -> Iterator[tuple[bytes, list[str]]]:
    """Yield each record of a CSV file, the header too: its bytes and its values."""
    raw: list[bytes] = []

    def lines() -> Iterator[str]:
        for line in content:
            raw.append(line)
            yield line.decode()

    csv.field_size_limit(sys.maxsize)
    try:
        for record in csv.reader(lines(), strict=True):
            yield b"".join(raw), record
            raw.clear()
    except (csv.Error, UnicodeDecodeError) as error:
        raise ContractError("is damaged CSV") from error


def json_contacts(
    file: TextIO, found_metadata: dict[str, object] | None = None
) -> Iterator[dict[str, object]]:
    """Yield the contacts of `{"contacts": [{...}, ...], "metadata": {...}}`.

    At the end, `found_metadata` is given the metadata.
    """
    pieces = _Pieces(file)
    rows = 0
    if not pieces.skip(_OPENING):
        raise ContractError("does not begin with contacts")
    more = not pieces.skip(_EMPTY)
    while more:
        yield pieces.read_object(f"contact {rows + 1}")
        rows += 1
        more = pieces.skip(_NEXT)
    if not pieces.skip(_METADATA):
        raise ContractError(f"is damaged JSON after contact {rows}")
    metadata = pieces.read_object("metadata")
    if not pieces.skip(_CLOSING):
        raise ContractError("does not end after metadata")
    if metadata.get("contacts") != rows:
        raise ContractError(f"has {rows} contacts, but its metadata has another number")
    if found_metadata is not None:
        found_metadata.update(metadata)


class _Pieces:
    """JSON text that is read piece by piece."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text = ""
        self._at = 0
        self._decoder = json.JSONDecoder()

    def _more(self) -> bool:
        chunk = self._file.read(CHUNK_CHARACTERS)
        self._text = self._text[self._at :] + chunk
        self._at = 0
        return bool(chunk)

    def skip(self, glue: re.Pattern[str]) -> bool:
        """Skip `glue` if it comes next; return whether it did."""
        while len(self._text) - self._at < GLUE_CHARACTERS and self._more():
            pass
        match = glue.match(self._text, self._at)
        if match:
            self._at = match.end()
        return match is not None

    def read_object(self, name: str) -> dict[str, object]:
        """Return the JSON object that comes next."""
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except (json.JSONDecodeError, RecursionError) as error:
                if len(self._text) - self._at > VALUE_CHARACTERS or not self._more():
                    raise ContractError(f"{name} is damaged JSON") from error
                continue
            if not isinstance(value, dict):
                raise ContractError(f"{name} is not an object")
            self._at = end
            return value

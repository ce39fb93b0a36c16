"""JSON in and out without altering anything.

The standard parser forgets how a number was written, drops the first of two equal keys,
and accepts NaN. Here a number that Python would write differently stays text
(`Number`). NaN, a key with two values, and nesting that is too deep become `Refused`:
their row cannot be landed, the others can.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from mmap import MADV_DONTNEED, mmap
from typing import NoReturn

SAFE_DIGITS = 18
# How much of a body on disk is released at a time: whole pages of memory.
STEP = 1024 * 1024
TOO_DEEP = "nested too deeply"
TWO_VALUES = "an object gives one key two values"
# A string or a bracket. Possessive, so that a giant string needs no backtracking.
SIGNS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{}]', re.DOTALL)


# Anything whose slices are bytes.
type Body = bytes | bytearray | mmap


class RowError(Exception):
    """A row that cannot be landed. The reason never holds any of its text."""


class MalformedError(ValueError):
    """A body is not JSON."""


@dataclass(frozen=True)
class Number:
    """A number that Python would write differently, such as 1.10 or -0."""

    text: str


@dataclass(frozen=True)
class Refused:
    """The reason why a value cannot be written as JSON text."""

    reason: str


@dataclass(frozen=True)
class Members:
    """The members of an object or a list, each parsed when iterated.

    `spans` has each one's place in the body, and its name if it has one.
    """

    body: Body
    is_keyed: bool
    spans: list[tuple[str | None, tuple[int, int] | Refused]]

    def __iter__(self) -> Iterator[tuple[str | None, object]]:
        """Yield each name and value; those of a list have no names."""
        passed = 0
        for name, span in self.spans:
            if isinstance(span, Refused):
                yield name, span
            else:
                yield name, parse(self.body[slice(*span)])
                passed = let_go(self.body, passed, span[1])

    def whole(self) -> object:
        """Return the object or list that `parse` would have made."""
        return dict(self) if self.is_keyed else [value for _, value in self]


def parse(body: Body) -> object:
    """Parse a body, with or without a byte order mark; MalformedError."""
    try:
        value: object = _DECODER.decode(body[:].decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise MalformedError("a body that is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise MalformedError("a body that is not JSON") from error
    except RecursionError:
        skip(body, 0)
        return Refused(TOO_DEEP)
    return value


def let_go(body: Body, start: int, end: int) -> int:
    """Release the memory of a part of a body on disk; return the end of that part.

    Memory then stays flat however large the body is. The part can be read again.
    """
    end -= end % STEP
    if not isinstance(body, mmap) or end <= start:
        return start
    body.madvise(MADV_DONTNEED, start, end - start)
    return end


def skip(body: Body, start: int) -> int:
    """Return the end of a string, object or list without parsing it; MalformedError."""
    depth = 0
    for sign in SIGNS.finditer(body, start):
        first = body[sign.start()]
        depth += (first in b"[{") - (first in b"]}")
        if depth <= 0:
            return sign.end()
    raise MalformedError("a body that is not JSON")


def dumps(value: object) -> str:
    """Return a parsed value as JSON text, numbers as they were; RowError."""
    try:
        return _ENCODER.encode(value)
    except _InexactError:
        return _exact(value)


class _InexactError(Exception):
    pass


def _inexact(_: object) -> NoReturn:
    raise _InexactError


def _exact(value: object) -> str:
    if isinstance(value, Number):
        return value.text
    if isinstance(value, Refused):
        raise RowError(value.reason)
    if isinstance(value, Members):
        return _exact(value.whole())
    if isinstance(value, dict):
        pairs = (f"{_ENCODER.encode(k)}:{_exact(v)}" for k, v in value.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_exact(item) for item in value) + "]"
    return _ENCODER.encode(value)


def to_object(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """Return the object of these members; a key with two values is refused."""
    members = dict(pairs)
    if len(members) != len(pairs):
        for key, value in pairs:
            if members[key] != value:
                members[key] = Refused(TWO_VALUES)
    return members


def _integer(literal: str) -> int | Number:
    if len(literal) > SAFE_DIGITS or literal == "-0":
        return Number(literal)
    return int(literal)


def _fraction(literal: str) -> float | Number:
    value = float(literal)
    return value if repr(value) == literal else Number(literal)


def _constant(name: str) -> Refused:
    return Refused(f"{name} is not a JSON number")


# Not strict: a bare control character in a string is kept, and escaped.
_DECODER = json.JSONDecoder(
    strict=False,
    object_pairs_hook=to_object,
    parse_int=_integer,
    parse_float=_fraction,
    parse_constant=_constant,
)
_ENCODER = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, separators=(",", ":"), default=_inexact
)

"""JSON in and out without altering anything.

The standard parser forgets how a number was written, which of two equal keys came
first, and takes NaN. Here a number that Python would write differently stays text
(`Number`), and what is no JSON, or says two things at once, becomes `Refused`: the row
that holds it cannot be landed, the others can.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

SAFE_DIGITS = 18


class RowError(Exception):
    """A row cannot be landed. The reason never holds any of its text."""


class MalformedError(ValueError):
    """A body is not JSON."""


@dataclass(frozen=True)
class Number:
    """A number whose literal Python would not write back the same, as 1.10 or -0."""

    text: str


@dataclass(frozen=True)
class Refused:
    """A value that has no place in JSON text, and why."""

    reason: str


def parse(body: bytes | bytearray) -> object:
    """Parse a body, with or without a byte order mark; MalformedError if it is none."""
    try:
        value: object = _DECODER.decode(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise MalformedError("a body that is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise MalformedError("a body that is not JSON") from error
    except RecursionError as error:
        raise MalformedError("JSON that is nested too deeply") from error
    return value


def dumps(value: object) -> str:
    """Write a parsed value as JSON text again, numbers as they were; or RowError."""
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
    if isinstance(value, dict):
        pairs = (f"{_ENCODER.encode(k)}:{_exact(v)}" for k, v in value.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_exact(item) for item in value) + "]"
    return _ENCODER.encode(value)


def _object(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        for key, value in pairs:
            if members[key] != value:
                members[key] = Refused("an object gives one key two values")
    return members


def _integer(literal: str) -> int | Number:
    if len(literal) > SAFE_DIGITS or literal == "-0":
        return Number(literal)
    return int(literal)


def _fraction(literal: str) -> float | Number:
    value = float(literal)
    return value if repr(value) == literal else Number(literal)


def _constant(name: str) -> Refused:
    return Refused(f"{name} is no JSON number")


# Not strict: a bare control character in a string is dirt that is kept, and escaped.
_DECODER = json.JSONDecoder(
    strict=False,
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_fraction,
    parse_constant=_constant,
)
_ENCODER = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, separators=(",", ":"), default=_inexact
)

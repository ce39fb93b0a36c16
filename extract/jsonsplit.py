"""The rows of a large body, found without parsing them all at once.

One pass checks that the body is JSON from its first byte to its last. Its rows stay
where they are, as `Members`, to be parsed one at a time: fifty megabytes of subjects
would take many times as much memory in parsed form.

The standard parser does the pass. It reads the body as Latin-1, a window at a time:
that garbles letters, which are not used, but makes each byte one character, and all
signs of JSON are ASCII.
"""

import codecs
import json
import re
from collections.abc import Iterator

from extract.jsontext import (
    TOO_DEEP,
    TWO_VALUES,
    Body,
    MalformedError,
    Members,
    Refused,
    let_go,
    parse,
    skip,
    to_object,
)

# Where the answer or its rows can be; other values are parsed whole.
ENVELOPES = ("data", "results", "job")
KEYED_ROWS = ("subjects", "images")
MAX_LEVELS = 3
MIB = 1024 * 1024
FIRST_WINDOW = MIB // 16
MAX_MEMBER = 8 * MIB
SPACE = re.compile(rb"[ \t\n\r]*")
OPENING = b"[{"
CLOSING = {ord("["): ord("]"), ord("{"): ord("}")}


def split(body: Body) -> object:
    """Parse a body except for its rows, which become `Members`; MalformedError.

    Rows are a list at the top or in an envelope, and the object or list that job
    details have at `subjects` and `images`.
    """
    _check_utf8(body)
    walk = _Walk(body)
    value = walk.part(ENVELOPES[0], 0)
    walk.end()
    return value


def _check_utf8(body: Body) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(body), MIB):
            decoder.decode(body[start : start + MIB])
            let_go(body, start, start + MIB)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise MalformedError("a body that is not UTF-8") from None


class _Walk:
    """A position in a body that moves over one value after the other."""

    def __init__(self, body: Body) -> None:
        self._body = body
        mark = len(codecs.BOM_UTF8)
        self._passed = 0
        self._at = mark if body[:mark] == codecs.BOM_UTF8 else 0
        self._fill(FIRST_WINDOW)

    def part(self, name: str, level: int) -> object:
        """Read the next value, which has this name and level."""
        first = self._peek()
        if first in OPENING and name in KEYED_ROWS:
            return self._rows()
        if name in ENVELOPES and first == ord("["):
            return self._rows()
        if name in ENVELOPES and first == ord("{") and level < MAX_LEVELS:
            pairs = [(key, self.part(key, level + 1)) for key in self._members()]
            return to_object(pairs)
        return self._whole()

    def end(self) -> None:
        """Check that nothing follows."""
        self._space()
        if self._at < len(self._body):
            raise _not_json()

    def _rows(self) -> Members:
        is_keyed = self._peek() == ord("{")
        spans: list[tuple[str | None, tuple[int, int] | Refused]] = []
        places: dict[str, int] = {}
        for name in self._members():
            start = self._at
            span = self._pass() or (start, self._at)
            if not is_keyed:
                spans.append((None, span))
            elif places.setdefault(name, len(spans)) == len(spans):
                spans.append((name, span))
            elif self._text_of(spans[places[name]][1]) != self._text_of(span):
                spans[places[name]] = (name, Refused(TWO_VALUES))
        return Members(self._body, is_keyed, spans)

    def _text_of(self, span: tuple[int, int] | Refused) -> bytes | bytearray | None:
        return None if isinstance(span, Refused) else self._body[slice(*span)]

    def _members(self) -> Iterator[str]:
        """Yield the name of each value of the next object or list; stop before it."""
        closing = CLOSING[self._take()]
        if self._peek() == closing:
            self._at += 1
            return
        while True:
            yield self._name() if closing == ord("}") else ""
            sign = self._take()
            if sign == closing:
                return
            if sign != ord(","):
                raise _not_json()

    def _name(self) -> str:
        name = self._whole() if self._peek() == ord('"') else None
        if not isinstance(name, str) or self._take() != ord(":"):
            raise _not_json()
        return name

    def _whole(self) -> object:
        self._space()
        start = self._at
        return self._pass() or parse(self._body[start : self._at])

    def _pass(self) -> Refused | None:
        """Move past the next value; return why it cannot be landed, if so."""
        self._space()
        size = FIRST_WINDOW
        while True:
            try:
                _, end = _DECODER.raw_decode(self._text, self._at - self._start)
            except RecursionError:
                return self._pass_over(TOO_DEEP)
            except json.JSONDecodeError:
                end = len(self._text)
                if self._has_all:
                    raise _not_json() from None
            # A value that ends with the window may continue after it.
            if end < len(self._text) or self._has_all:
                self._at = self._start + end
                return None
            if size > MAX_MEMBER:
                return self._pass_over(f"larger than {MAX_MEMBER:,} bytes")
            self._fill(size)
            size *= 2

    def _pass_over(self, reason: str) -> Refused:
        if self._peek() not in b'"[{':
            raise _not_json()
        self._at = skip(self._body, self._at)
        self._fill(FIRST_WINDOW)
        return Refused(reason)

    def _fill(self, size: int) -> None:
        self._start = self._at
        self._passed = let_go(self._body, self._passed, self._start)
        window = self._body[self._start : self._start + size]
        self._text = window.decode("latin-1")
        self._has_all = self._start + size >= len(self._body)

    def _space(self) -> None:
        found = SPACE.match(self._body, self._at)
        self._at = found.end() if found else self._at

    def _peek(self) -> int:
        self._space()
        if self._at >= len(self._body):
            raise _not_json()
        return self._body[self._at]

    def _take(self) -> int:
        sign = self._peek()
        self._at += 1
        return sign


def _not_json() -> MalformedError:
    return MalformedError("a body that is not JSON")


# The values are dropped, so numbers need not be exact or short.
_DECODER = json.JSONDecoder(strict=False, parse_int=float)

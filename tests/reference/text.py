"""Text as the rules read it: R7, and the trimming of what R7 leaves alone."""

import json
import re
import sys
import unicodedata


def _is_blank(character: str) -> bool:
    category = unicodedata.category(character)
    return category == "Cc" or category.startswith("Z")


BLANKS = "".join(filter(_is_blank, map(chr, range(sys.maxunicode + 1))))
"""White space and control characters: Unicode's categories Z* and Cc."""

_RUN_OF_BLANKS = re.compile(f"[{re.escape(BLANKS)}]+")


def as_text(value: object) -> str:
    """R7: numbers are written as text; booleans, lists, objects and null are empty."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return json.dumps(value)
    return ""


def trimmed(value: object) -> str:
    """Uuids, keys, phones, e-mails and dates: only trimmed."""
    return as_text(value).strip(BLANKS)


def ascii_lower(text: str) -> str:
    """A to Z in lower case; no other letter changes."""
    return "".join(one.lower() if one.isascii() else one for one in text)


def r7_text(value: object) -> str:
    """R7: Unicode NFC, runs of white space and controls one space, trimmed."""
    composed = unicodedata.normalize("NFC", as_text(value))
    return _RUN_OF_BLANKS.sub(" ", composed).strip(" ")

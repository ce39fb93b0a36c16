"""The formats of lists: one `Format` each, in the table `FORMATS`.

A new format is a new row: which column has the phone, the time, the reason and the
word, and what the words mean.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from common.errors import ConfigError
from publish.suppressions.addresses import trim
from publish.suppressions.entries import START, STOP

# What a word of a list means, besides STOP and START.
NOTHING = ""

_PHONE_LINE = re.compile(r"[+(\d][\d ().\u00a0/-]{6,}", re.ASCII)


@dataclass(frozen=True)
class Format:
    """Which columns of a list say what. Column names match in any case."""

    name: str
    address: str
    time: str = ""
    reason: str = ""
    # Without this column, every address is a phone.
    channel: str = ""
    # The column whose word says what a line means; without it, every line is a stop.
    action: str = ""
    # Words are upper case.
    words: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    needs_time: bool = False
    has_header: bool = True


CSV = "csv"
PHONES = "phones"
FORMATS = {
    row.name: row
    for row in (
        Format(
            CSV,
            address="address",
            time="suppressed_at",
            reason="reason",
            channel="channel",
            action="action",
            words={"": STOP, "STOP": STOP, "START": START},
            required=("channel", "address", "suppressed_at", "reason"),
            needs_time=True,
        ),
        Format(PHONES, address="phone", has_header=False),
        Format(
            "klaviyo",
            address="Phone Number",
            time="SMS Marketing Consent Timestamp",
            action="SMS Marketing Consent",
            words={
                "UNSUBSCRIBED": STOP,
                "SUBSCRIBED": NOTHING,
                "NEVER_SUBSCRIBED": NOTHING,
                "": NOTHING,
            },
            required=("Phone Number", "SMS Marketing Consent"),
        ),
        Format(
            "postscript",
            address="phone_number",
            time="opt_out_time",
            reason="opt_out_reason",
            required=("phone_number", "opt_out_time"),
        ),
    )
}


def recognize(where: str, header: Sequence[str], first_line: str) -> Format:
    """Return the format of a list by its header; ConfigError where none fits."""
    names = _names(header)
    for known in FORMATS.values():
        if known.has_header and set(_names(known.required)) <= set(names):
            return known
    if _PHONE_LINE.fullmatch(trim(first_line)):
        return FORMATS[PHONES]
    raise ConfigError(f"{where}: its header is not of a known format: {_known()}")


def columns(where: str, known: Format, header: Sequence[str]) -> dict[str, int]:
    """Return where each column of a format is; ConfigError where one is missing."""
    names = _names(header)
    found = {}
    for column in (*known.required, known.time, known.reason, known.action):
        count = names.count(column.casefold()) if column else 0
        if count > 1:
            raise ConfigError(f"{where}: has the column {column} more than once")
        if count:
            found[column] = names.index(column.casefold())
        elif column in known.required:
            raise ConfigError(
                f"{where}: has no column {column}, which the format {known.name} "
                f"needs: {_known()}"
            )
    return found


def _names(header: Sequence[str]) -> list[str]:
    return [trim(name).casefold() for name in header]


def _known() -> str:
    texts = (
        f"{known.name} ({', '.join(known.required) or 'one phone a line, no header'})"
        for known in FORMATS.values()
    )
    return "; ".join(texts)

"""Points in time, as R8 reads and writes them."""

import re
from datetime import UTC, datetime, timedelta

from tests.reference.text import trimmed

_POINT = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"([T ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})"
    r"(:(?P<second>[0-9]{2})(\.(?P<fraction>[0-9]{1,9}))?)?"
    r"(?P<offset>[Zz]|[+-](0[0-9]|1[0-5])(:?[0-5][0-9])?)?)?"
)

_FIRST_YEAR = 1000


def r8_read(value: object) -> datetime | None:
    """R8: a date (midnight) or date-time (UTC without an offset); None: unreadable."""
    found = _POINT.fullmatch(trimmed(value))
    if found is None:
        return None
    try:
        local = datetime.strptime(found["date"], "%Y-%m-%d").replace(
            hour=int(found["hour"] or 0),
            minute=int(found["minute"] or 0),
            second=int(found["second"] or 0),
            microsecond=int((found["fraction"] or "")[:6].ljust(6, "0")),
            tzinfo=UTC,
        )
        point = local - _offset(found["offset"] or "Z")
    except (ValueError, OverflowError):  # no real date or time, or past year 9999
        return None
    in_range = local.year >= _FIRST_YEAR and point.year >= _FIRST_YEAR
    return point if in_range else None


def _offset(text: str) -> timedelta:
    if text in "Zz":
        return timedelta()
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -offset if text.startswith("-") else offset


def r8_written(point: datetime | None) -> str:
    """R8: `YYYY-MM-DDTHH:MM:SSZ`, cut to whole seconds; empty where there is none."""
    return point.strftime("%Y-%m-%dT%H:%M:%SZ") if point else ""

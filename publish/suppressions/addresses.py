"""Phones, e-mails and times as lists write them, and as the ledger has them."""

import re
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

from common.text import MARGIN

SMS = "sms"
EMAIL = "email"
CHANNELS = (SMS, EMAIL)
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
MOST_EMAIL_CHARACTERS = 254
# A longer extension is a second phone in the same cell.
MOST_EXTENSION_DIGITS = 6

_EMAIL = re.compile(
    r"[A-Za-z0-9_][A-Za-z0-9.!#$%&'*+/=?^_{|}~-]*@"
    r"([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])"
)
_E164 = re.compile(r"\+[1-9][0-9]{1,16}")
_TIME = re.compile(
    r"([1-9]\d{3}-\d\d-\d\d)"
    r"([T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?)?(\.\d{1,9})?"
    r"([Zz]|[+-](?:0\d|1[0-5])(?::?[0-5]\d)?)?",
    re.ASCII,
)
_WRITTEN_TIME = re.compile(
    r"[1-9]\d{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T"
    r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ",
    re.ASCII,
)
_EXPONENT = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE]\+?\d+")
_DECIMAL = re.compile(r"(\+?\d{7,})[.,]0+")


def trim(text: str) -> str:
    """Return `text` without white space and control characters at both ends."""
    return text.strip(MARGIN)


def read_email(text: str) -> str | None:
    """Return an e-mail as rule R6 writes it, None where it is not valid."""
    trimmed = trim(text)
    return trimmed.lower() if _is_email(trimmed) else None


def are_phones(texts: Iterable[str]) -> bool:
    """Return whether all texts are phones as the ledger writes them."""
    return all(map(_E164.fullmatch, texts))


def are_emails(texts: Collection[str]) -> bool:
    """Return whether all texts are e-mails as the ledger writes them."""
    joined = "".join(texts)
    return (
        joined == joined.lower()
        and max(map(len, texts), default=0) <= MOST_EMAIL_CHARACTERS
        and all(map(_EMAIL.fullmatch, texts))
    )


def _is_email(text: str) -> bool:
    return (
        len(text) <= MOST_EMAIL_CHARACTERS
        and text.isascii()
        and _EMAIL.fullmatch(text) is not None
    )


def is_cut(text: str) -> bool:
    """Say whether a spreadsheet has left a few digits of a phone: `1.20656E+10`."""
    return _EXPONENT.fullmatch(trim(text)) is not None


def repair(text: str) -> tuple[str, bool]:
    """Return a phone without the `.0` of a spreadsheet, and whether it had one."""
    found = _DECIMAL.fullmatch(trim(text))
    return (found[1], True) if found else (text, False)


def phones_by_region(text: str, regions: Iterable[str]) -> set[str]:
    """Return the possible numbers (E.164) that `text` is, read in each region."""
    texts = {trim(text)}
    if _is_all_digits(text) and "+" not in text:
        # libphonenumber refuses some characters between digits.
        texts.add(_digits(text))
    return _possible((text, region) for text in texts for region in regions)


def phones(text: str, regions: Iterable[str]) -> set[str]:
    """Return every possible number: in each region, and as `+` and the digits."""
    found = phones_by_region(text, regions)
    if _is_all_digits(text):
        found |= _possible([(f"+{_digits(text)}", None)])
    return found


def _is_all_digits(text: str) -> bool:
    return not any(character.isalpha() or character in ";#" for character in text)


def _digits(text: str) -> str:
    return "".join(str(int(character)) for character in text if character.isdecimal())


def _possible(texts: Iterable[tuple[str, str | None]]) -> set[str]:
    # Most commands of the ledger read no phone, and this import is slow.
    import phonenumbers  # noqa: PLC0415
    from phonenumbers import PhoneNumberFormat, ValidationResult  # noqa: PLC0415

    found = set()
    for text, region in texts:
        try:
            number = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            continue
        reason = phonenumbers.is_possible_number_with_reason(number)
        extension = number.extension or ""
        if (
            reason == ValidationResult.IS_POSSIBLE
            and len(extension) <= MOST_EXTENSION_DIGITS
        ):
            found.add(phonenumbers.format_number(number, PhoneNumberFormat.E164))
    return found


def read_time(text: str, *, round_up: bool = True) -> str | None:
    """Return a time as the ledger writes it, None where it cannot be read.

    A date alone is that day's end; a time without an offset is UTC. Of a part of a
    second, a stop is rounded up and a start down, so that a stop is never lifted early.
    """
    found = _TIME.fullmatch(trim(text))
    if found is None:
        return None
    day, clock, fraction, offset = found.groups()
    if clock is None:
        return None if fraction or offset else _written(f"{day}T23:59:59+00:00")
    if fraction and clock.count(":") == 1:
        return None
    is_later = round_up and fraction is not None and fraction.strip(".0") != ""
    return _written(f"{day}{clock}{offset or '+00:00'}".upper(), seconds=int(is_later))


def _written(text: str, seconds: int = 0) -> str | None:
    try:
        at = datetime.fromisoformat(text) + timedelta(seconds=seconds)
        return write_time(at)
    except (ValueError, OverflowError):
        return None


def is_time(text: str) -> bool:
    """Say whether `text` is a time as the ledger writes it."""
    return _WRITTEN_TIME.fullmatch(text) is not None


def write_time(at: datetime) -> str:
    """Return a time as the ledger writes it; such texts sort by time."""
    utc = at.astimezone(UTC)
    if utc.year < 1000:  # noqa: PLR2004 - its text would not have four digits
        raise ValueError("the year has fewer than four digits")
    return utc.strftime(TIME_FORMAT)


def mask(address: str) -> str:
    """Return an address so that its owner recognizes it and others do not."""
    name, at, _ = address.partition("@")
    if at:
        return f"{name[0]}***@***"
    return f"{address[:2]}{'*' * (len(address) - 4)}{address[-2:]}"

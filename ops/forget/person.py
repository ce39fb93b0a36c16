"""The person to forget, and how texts of the portal and of exports name them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote

import phonenumbers

from common.errors import ConfigError
from common.seeds import portal_regions
from publish.suppressions.addresses import EMAIL, SMS, phones, read_email, repair

SUBJECT = "subject"
# Digits, and what people write between them.
RUN = re.compile(r"\+?\(?\d(?:[^\w,;:\"'{}\[\]|<>=&?#@+]*\d)*")
MOST_PHONE_DIGITS = 15
MOST_LETTERED = 40
EMAIL_CHARACTER = r"[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]"


@dataclass(frozen=True)
class Person:
    """A phone (E.164), an e-mail (R6) or a subject's uuid, by `kind`."""

    kind: str
    value: str
    regions: tuple[str, ...] = ()

    def is_in(self, text: str) -> bool:
        """Return whether a text, or a value of it if it is JSON, names the person."""
        try:
            return any(map(self._is_in_value, _values(text)))
        except RecursionError:
            return self._is_in_value(text)

    def _is_in_value(self, text: str) -> bool:
        if self.kind == SMS:
            return self._is_phone_in(text)
        found = self._pattern.search
        return bool(found(text) or ("%" in text and found(unquote(text))))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        value = re.escape(self.value)
        if self.kind == EMAIL:
            after = r"(?![A-Za-z0-9-]|\.[A-Za-z0-9])"
            flags = re.IGNORECASE | re.ASCII
            return re.compile(rf"(?<!{EMAIL_CHARACTER}){value}{after}", flags)
        return re.compile(rf"(?<![\w-]){value}(?![\w-])")

    @cached_property
    def _national(self) -> str:
        number = phonenumbers.parse(self.value)
        return phonenumbers.national_significant_number(number)

    def _is_phone_in(self, text: str) -> bool:
        if self._national in _digits(text):
            return any(map(self._is_written_as, RUN.findall(text)))
        if len(text) > MOST_LETTERED:
            return False
        lettered = phonenumbers.convert_alpha_characters_in_number(text)
        return self._national in _digits(lettered) and self._is_written_as(lettered)

    def _is_written_as(self, text: str) -> bool:
        """Return whether digits are the phone, or what no phone but it explains."""
        digits = _digits(text)
        if self._national not in digits:
            return False
        read = phones(repair(text)[0], self.regions)
        return self.value in read or not read or len(digits) > MOST_PHONE_DIGITS


def read_person(phone: str | None, email: str | None, subject: str | None) -> Person:
    """Return the person that the options name; ConfigError, without the value."""
    if [phone, email, subject].count(None) != 2:  # noqa: PLR2004 - one of three
        raise ConfigError("give one of --phone, --email and --subject")
    if phone is not None:
        read = phones(phone, ()) if phone.strip().startswith("+") else set()
        if len(read) != 1:
            raise ConfigError("--phone must be + , the country code and the number")
        return Person(SMS, read.pop(), portal_regions())
    if email is not None:
        address = read_email(email)
        if address is None:
            raise ConfigError("--email is not a valid e-mail")
        return Person(EMAIL, address)
    uuid = (subject or "").strip()
    if not uuid:
        raise ConfigError("--subject must be the uuid of a subject")
    return Person(SUBJECT, uuid)


def _digits(text: str) -> str:
    return "".join(str(int(digit)) for digit in re.findall(r"\d", text))


def _values(text: str) -> Iterator[str]:
    """Yield a text and, of JSON, every key and value, also of JSON within JSON."""
    yield text
    if text.lstrip()[:1] in ("{", "[", '"'):
        try:
            # Pairs keep what a dictionary drops: fields that stand there twice.
            value = json.loads(
                text,
                object_pairs_hook=list,
                parse_int=str,
                parse_float=str,
                parse_constant=str,
            )
        except ValueError:
            return
        yield from _texts(value)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from _values(value)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)

"""Phones, e-mails, registered users, contact routes and suppression: R3 to R6, R9."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from tests.reference.consent import Explicit
from tests.reference.dates import r8_read
from tests.reference.shapes import Row, first_uuid, part, registration_email
from tests.reference.text import r7_text, trimmed

TEXTABLE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
VALID_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
NEVER_LIFTED = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class User:
    """A registered user: raw phone and e-mail."""

    uuid: str
    name: str
    phone: object
    email: object


@dataclass(frozen=True)
class Route:
    """One way to a parent, as the portal wrote it."""

    phone: object
    email: object


@dataclass(frozen=True)
class Contacts:
    """What the routes of one kind (phones or e-mails) hold, best first.

    `has_text`: whether any route has any text; `valid`: the distinct valid ones;
    `usable`: those of them that are not suppressed.
    """

    has_text: bool
    valid: list[str]
    usable: list[str]


@cache
def _r5_phone(text: str, region: str) -> str:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(number):
        return ""
    if phonenumbers.number_type(number) not in TEXTABLE:
        return ""
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def r5_phone(value: object, region: str) -> str:
    """R5: a textable phone as E.164; empty where it is none."""
    return _r5_phone(trimmed(value), region)


def r6_email(value: object) -> str:
    """R6: a valid e-mail, trimmed and lower-cased; empty where it is none."""
    # Character by character: a final sigma is as any other.
    email = "".join(character.lower() for character in trimmed(value))
    return email if VALID_EMAIL.fullmatch(email) else ""


def r3_user(uuid: str, registrations: Iterable[Row], details: object) -> User:
    """R3: a user, `details` being None where they cannot be had."""
    email = part(details, "email_address")
    if not r7_text(email):
        logins = map(registration_email, registrations)
        email = next((login for login in logins if r7_text(login)), "")
    name = r7_text(part(details, "name"))
    return User(uuid, name, part(details, "phone_number"), email)


def r3_registered_users(
    registrations: Iterable[Row], users: object, region: str
) -> list[User]:
    """R3: a subject's registered users: textable phone, valid e-mail, smallest uuid."""
    by_user: dict[str, list[Row]] = {}
    for registration in registrations:
        user_uuid = first_uuid(registration, "userUuid", "uuid")
        if user_uuid:
            by_user.setdefault(user_uuid, []).append(registration)
    found = [r3_user(uuid, own, part(users, uuid)) for uuid, own in by_user.items()]

    def rank(user: User) -> tuple[bool, bool, str]:
        has_phone = bool(r5_phone(user.phone, region))
        return not has_phone, not r6_email(user.email), user.uuid

    return sorted(found, key=rank)


def r4_routes(users: Iterable[User], values: Mapping[str, object]) -> list[Route]:
    """R4: the contact routes of a subject's users and field values, best first."""
    delivery_1, delivery_2 = values["delivery_1"], values["delivery_2"]
    return [
        *(Route(user.phone, user.email) for user in users),
        Route(part(delivery_1, "mobile_phone"), part(delivery_1, "email_address")),
        Route(part(delivery_2, "mobile_phone"), part(delivery_2, "email_address")),
        Route(values["phone_number"], values["email"]),
        Route(values["phone_number_2"], values["email_2"]),
    ]


def r9_suppressions(
    suppressions: Iterable[Mapping[str, str]], region: str
) -> dict[str, datetime]:
    """R9: when each address was suppressed last, addresses as R5 and R6 write them.

    An address without a readable date is suppressed for good.
    """
    latest: dict[str, datetime] = {}
    for row in suppressions:
        at = r8_read(row["suppressed_at"]) or NEVER_LIFTED
        address = ""
        if row["channel"] == "sms":
            address = r5_phone(row["address"], region)
        if row["channel"] == "email":
            address = r6_email(row["address"])
        if address:
            latest[address] = max(at, latest.get(address, at))
    return latest


def r9_is_suppressed(
    address: str, suppressed: Mapping[str, datetime], marketing: Explicit
) -> bool:
    """R9: only an explicit grant with its own, later timestamp lifts suppression."""
    if address not in suppressed:
        return False
    granted_at = marketing.at if marketing.grants else None
    return granted_at is None or granted_at <= suppressed[address]


def _contacts(
    texts: list[object],
    valid: list[str],
    suppressed: Mapping[str, datetime],
    marketing: Explicit,
) -> Contacts:
    distinct = list(dict.fromkeys(filter(None, valid)))
    usable = [
        address
        for address in distinct
        if not r9_is_suppressed(address, suppressed, marketing)
    ]
    return Contacts(any(map(r7_text, texts)), distinct, usable)


def r4_phones(
    routes: Iterable[Route],
    region: str,
    suppressed: Mapping[str, datetime],
    marketing: Explicit,
) -> Contacts:
    """R4: the phones along the routes."""
    texts = [route.phone for route in routes]
    valid = [r5_phone(text, region) for text in texts]
    return _contacts(texts, valid, suppressed, marketing)


def r4_emails(
    routes: Iterable[Route],
    suppressed: Mapping[str, datetime],
    marketing: Explicit,
) -> Contacts:
    """R4: the e-mails along the routes."""
    texts = [route.email for route in routes]
    valid = [r6_email(text) for text in texts]
    return _contacts(texts, valid, suppressed, marketing)

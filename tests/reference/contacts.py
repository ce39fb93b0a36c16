"""Phones, e-mails, registered users, contact routes and suppression: R3 to R6, R9."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from tests.reference.consent import Explicit
from tests.reference.dates import r8_read
from tests.reference.shapes import Row, first_uuid, part, registration_email
from tests.reference.text import r7_text, trimmed

TEXTABLE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
VALID_EMAIL = re.compile(
    r"[A-Za-z0-9_][A-Za-z0-9.!#$%&'*+/=?^_{|}~-]*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+"
    r"[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])"
)
LONGEST_EMAIL = 254


@dataclass(frozen=True)
class User:
    """A registered user: raw phone and e-mail."""

    uuid: str
    name: str
    phone: object
    email: object


@dataclass(frozen=True)
class Route:
    """One way to a parent, as the portal wrote it, and its name in `contact_routes`."""

    name: str
    phone: object
    email: object


@dataclass(frozen=True)
class Contacts:
    """What the routes of one kind (phones or e-mails) hold, best first.

    `has_text`: whether any route has any text; `valid`: the distinct valid ones;
    `own`: those of them that are not shared; `usable`: those that are not suppressed
    either.
    """

    has_text: bool
    valid: list[str]
    own: list[str]
    usable: list[str]


@dataclass(frozen=True)
class Rules:
    """What holds for every address of a portal.

    `shared`: the addresses of too many subjects (R4). `suppressed`: when each address
    was stopped (R9). `denied`: when a subject of the portal last denied consent for
    each address (R9).
    """

    shared: frozenset[str]
    suppressed: Mapping[str, datetime]
    denied: Mapping[str, datetime]


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
    email = trimmed(value)
    is_valid = len(email) <= LONGEST_EMAIL and VALID_EMAIL.fullmatch(email)
    return email.lower() if is_valid else ""


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


def r4_routes(
    users: Iterable[User], values: Mapping[str, object], contact_routes: Sequence[str]
) -> list[Route]:
    """R4: the routes of a subject that `contact_routes` lists, in its order."""
    delivery_1, delivery_2 = values["delivery_1"], values["delivery_2"]
    ways: dict[str, list[tuple[object, object]]] = {
        "registered_user": [(user.phone, user.email) for user in users],
        "delivery_1": [_delivery(delivery_1)],
        "delivery_2": [_delivery(delivery_2)],
        "subject": [(values["phone_number"], values["email"])],
        "subject_2": [(values["phone_number_2"], values["email_2"])],
    }
    return [Route(name, *way) for name in contact_routes for way in ways[name]]


def _delivery(delivery: object) -> tuple[object, object]:
    return part(delivery, "mobile_phone"), part(delivery, "email_address")


def r4_valid(routes: Sequence[Route], region: str) -> tuple[list[str], list[str]]:
    """R4: the distinct valid phones and e-mails of routes, best first."""
    phones = [r5_phone(route.phone, region) for route in routes]
    emails = [r6_email(route.email) for route in routes]
    return _distinct(phones), _distinct(emails)


def phone_route(routes: Iterable[Route], phone: str, region: str) -> str:
    """The name of the first route that holds a phone; empty without a phone."""
    names = (one.name for one in routes if r5_phone(one.phone, region) == phone)
    return next(names, "") if phone else ""


def email_route(routes: Iterable[Route], email: str) -> str:
    """The name of the first route that holds an e-mail; empty without an e-mail."""
    names = (one.name for one in routes if r6_email(one.email) == email)
    return next(names, "") if email else ""


def _distinct(addresses: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(filter(None, addresses)))


def r4_shared(
    addresses_of_jobs: Iterable[Iterable[Iterable[str]]], most: int
) -> frozenset[str]:
    """R4: the addresses of more than `most` subjects of one job; 0: none."""
    shared: set[str] = set()
    for subjects in addresses_of_jobs:
        counts = Counter(address for own in subjects for address in set(own))
        shared |= {address for address, count in counts.items() if 0 < most < count}
    return frozenset(shared)


def r9_suppressions(
    suppressions: Iterable[Mapping[str, str]], regions: Iterable[str]
) -> dict[str, datetime]:
    """R9: when each address was stopped last, a date alone being that day's end.

    A phone stops in every reading that is a possible number: in each region, and as
    `+` and its digits.
    """
    latest: dict[str, datetime] = {}
    for row in suppressions:
        at = r9_stopped_at(row["suppressed_at"])
        addresses = {r6_email(row["address"])} - {""}
        if row["channel"] == "sms":
            addresses = r9_readings(row["address"], regions)
        for address in addresses:
            latest[address] = max(at, latest.get(address, at))
    return latest


def r9_stopped_at(text: str) -> datetime:
    """R9: when a line of a list says that somebody said stop."""
    at = r8_read(text)
    if at is None:
        raise ValueError("a list with an unreadable time stops the build")
    is_date_alone = ":" not in text
    return at + timedelta(hours=23, minutes=59, seconds=59) if is_date_alone else at


def r9_readings(text: str, regions: Iterable[str]) -> set[str]:
    """R9: the phones that a text of a list can be."""
    digits = "".join(character for character in text if character.isdigit())
    texts = [(trimmed(text), region) for region in regions] + [(f"+{digits}", "ZZ")]
    return set(filter(None, (_possible_phone(*one) for one in texts)))


def _possible_phone(text: str, region: str) -> str:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return ""
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE:
        return ""
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def r9_is_suppressed(address: str, rules: Rules, marketing: Explicit) -> bool:
    """R9: only an explicit grant with its own, later timestamp lifts a stop.

    A denial of another subject is a stop too, but not for who denies as well.
    """
    stops = [rules.suppressed.get(address)]
    if not marketing.denies:
        stops.append(rules.denied.get(address))
    granted_at = marketing.at if marketing.grants else None
    return any(
        at is not None and (granted_at is None or granted_at <= at) for at in stops
    )


def r4_contacts(
    texts: Iterable[object], valid: list[str], rules: Rules, marketing: Explicit
) -> Contacts:
    """R4: the phones or e-mails along the routes."""
    own = [address for address in valid if address not in rules.shared]
    usable = [one for one in own if not r9_is_suppressed(one, rules, marketing)]
    return Contacts(any(map(r7_text, texts)), valid, own, usable)

"""The subjects that are not plain: what excludes them, or what is odd about them.

A case is a function that changes a plain subject, and a variant that it is given. They
are dealt out in turn over all jobs of a portal, so that each occurs in a world of the
default size: one of each kind before the second of any, reasons for exclusion first.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from itertools import batched, chain, cycle, zip_longest
from typing import Any, Final

from extract.sandbox.people import (
    DELIVERY_FIELDS,
    Person,
    clear_activity,
    delivery,
    dirty_time,
    forget_images,
    name_activity,
    parent_delivery,
    refer,
    register,
    remove_contacts,
    set_consent,
    show_image,
    user,
    written_phone,
)
from extract.sandbox.plan import FUTURE_DAYS, OLD_DAYS, frame, user_uuid
from extract.sandbox.words import (
    ABSENT,
    BAD_EMAILS,
    BAD_PHONES,
    CA_AREAS,
    DENIALS,
    HOSTILE_TEXTS,
    IMAGE_FIELDS,
    NO_IMAGES,
    NO_KEYS,
    US_AREAS,
    WRONG_TYPES,
    put,
    turn,
)

type Change = Callable[[Person, Any], None]

# The last digits of the subjects that are cases: three in ten.
CASE_DIGITS: Final = (2, 5, 8)
TEXT_FIELDS: Final = (
    "first_name",
    "last_name",
    "parent_name",
    "group",
    "external_id",
    "country",
)


# --- what excludes a subject ---


def off_sale(person: Person, how: str) -> None:
    """All known activities are off sale, or on sale in another job."""
    elsewhere = frame(person.plan, (person.frame.number + 1) % person.plan.jobs)
    forget_images(person)
    if how == "image":
        clear_activity(person)
        refer(person, show_image(person, person.frame.closed))
        return
    alone = elsewhere.number == person.frame.number
    other = person.frame.closed if how == "itself" or alone else elsewhere.good[0].uuid
    name_activity(person, other)
    refer(person, show_image(person, person.frame.closed))


def no_images(person: Person, value: object) -> None:
    """No image reference: the subject itself names its activity."""
    name_activity(person, person.frame.good[0].uuid)
    forget_images(person)
    for field in IMAGE_FIELDS:
        put(person.row, field, deepcopy(value))


def contact_missing(person: Person, how: str) -> None:
    """No text in any phone field: none at all, blanks, or e-mails only."""
    remove_contacts(person)
    if how == "blank":
        person.row["delivery_1"] = delivery("  ", "", " \u00a0\n")
        person.row |= {"phone_number": "", "phone_number_2": None, "email": "\t"}
    elif how == "email only":
        email = person.family.emails[0]
        person.row["delivery_2"] = delivery(None, email, None)
        _add_user(person, None, email, None)


def contact_invalid(person: Person, text: object) -> None:
    """Text in the phone fields, none of it a textable phone."""
    remove_contacts(person)
    person.row["delivery_1"] = delivery(person.family.parents[0], text, text)
    person.row["phone_number_2"] = text
    _add_user(person, person.family.parents[0], person.family.emails[0], "N/A")


def denied(person: Person, word: object) -> None:
    """Marketing consent is denied, whatever else is said."""
    set_consent(person, "marketing", word, dirty_time(person, 20))


def future_grant(person: Person, word: object) -> None:
    """Consent that is dated in the future is none yet."""
    set_consent(person, "marketing", word, dirty_time(person, -FUTURE_DAYS))


def no_consent(person: Person, word: object) -> None:
    """The field says nothing; under the webshop basis neither does the activity.

    There the subject goes to the job's odd activity: that has no date, or one in the
    future, or one so long ago that consent has expired.
    """
    if not person.plan.explicit:
        _move_to_odd(person)
    set_consent(person, "marketing", word, dirty_time(person, 20))


def undated_grant(person: Person, at: object) -> None:
    """A grant without a readable date, in the job's odd activity."""
    _move_to_odd(person)
    set_consent(person, "marketing", "subscribe", at)


def old_grant(person: Person, word: object) -> None:
    """Consent that was granted too long ago."""
    set_consent(person, "marketing", word, dirty_time(person, OLD_DAYS))


def no_access_key(person: Person, answer: object) -> None:
    """The portal has no key for the subject, or only blank ones."""
    person.access_keys = deepcopy(answer)


# --- what is odd, yet exportable ---


def on_both_lists(person: Person, twice: str) -> None:
    """On both order lists, with copies that differ; or twice on its own list."""
    copy = deepcopy(person.row)
    copy |= {"group": "Other list", "parent_name": person.family.parents[1]}
    person.row |= {"group": " ", "first_name": None, "name": None}
    if twice == "own list":
        next(iter(person.lists.values())).append(copy)
        return
    person.lists["buyers"] = [person.row]
    person.lists["non_buyers"] = [copy]


def details_differ(person: Person, group: object) -> None:
    """The job details know another name, and more images than the order list."""
    first, last = person.frame.good[0], person.frame.good[-1]
    forget_images(person)
    clear_activity(person)
    refer(person, show_image(person, first.uuid))
    images = [{"uuid": show_image(person, last.uuid)}, {"uuid": ""}]
    copy = {"uuid": person.row["uuid"], "first_name": "Former", "images": images}
    put(person.row, "group", group)
    person.lists["job_details"] = [copy | {"group": "Details"}]


def ranked_users(person: Person, phones: Sequence[object]) -> None:
    """Several users: their phones and e-mails, not their order, rank them."""
    for n, phone in enumerate(phones):
        email = (BAD_EMAILS[n], person.family.emails[1])[n % 2]
        _add_user(person, f"User {n} {person.family.name}", email, phone)


def user_without_details(person: Person, email: object) -> None:
    """A registration whose user's details are not to be had (404)."""
    person.registrations.clear()
    person.users.clear()
    register(person, _new_user(person), email)
    person.row["delivery_1"] = parent_delivery(person, 0)


def login_email(person: Person, email: object) -> None:
    """The details have no e-mail, so that the registration's counts."""
    remove_contacts(person)
    uuid, phone = _new_user(person), written_phone(person.family.phones[0], 0)
    register(person, uuid, f" {uuid[:8].upper()}@Example.net")
    person.users[uuid] = user(uuid, person.family.parents[1], email, phone)


def child_as_parent(person: Person, fields: Sequence[str]) -> None:
    """Fields for a parent's name hold the child's, in another case or spacing."""
    row = person.row
    child = f" {row['first_name']}  {row['last_name']}".upper()
    person.registrations.clear()
    person.users.clear()
    for field in DELIVERY_FIELDS:
        row[field] = parent_delivery(person, 0) | {"name": None}
    for field in fields:
        if field == "user":
            _add_user(person, child, None, None)
        elif field in DELIVERY_FIELDS:
            row[field]["name"] = child
    row["parent_name"] = f"{person.family.parents[0]} (guardian)"


def hostile_text(person: Person, texts: Sequence[str]) -> None:
    """Text that is hostile to CSV, SQL, JSON or spreadsheets."""
    for field, text in zip(TEXT_FIELDS, cycle(texts), strict=False):
        person.row[field] = text
    _add_user(person, texts[-1], f"{person.serial}@example.org", None)


def wrong_types(person: Person, first: int) -> None:
    """Text fields of the wrong type; numbers count as text, others as empty."""
    for n, field in enumerate(("last_name", "group", "parent_name", "country")):
        person.row[field] = deepcopy(turn(first + n, WRONG_TYPES))
    person.row |= {"external_id": 12345, "name": f"Only Name {person.serial}"}
    person.row |= {"first_name": None, "email": {"address": "parent@example.com"}}


def sparse(person: Person, empty: object) -> None:
    """Every field but one phone is null or missing."""
    remove_contacts(person)
    for field in (*TEXT_FIELDS, *DELIVERY_FIELDS, "name", "email", "email_2", "notes"):
        put(person.row, field, empty)
    phone = written_phone(person.family.phones[0], person.serial)
    person.row["phone_number_2"] = phone


def later_route(person: Person, text: object) -> None:
    """A useless phone and e-mail on the first routes, usable ones further on."""
    _add_user(person, person.family.parents[0], text, text)
    person.row["delivery_1"] = delivery(person.family.parents[0], text, text)
    person.row["delivery_2"] = parent_delivery(person, 1)


def dirty_email(person: Person, text: object) -> None:
    """An e-mail that is none beside a good phone."""
    person.row["delivery_1"] = parent_delivery(person, 0) | {"email_address": text}


def foreign_phone(person: Person, area: str) -> None:
    """One phone twice, in one variant a textable phone of the other country."""
    phone = f"{area}-555-0{100 + person.serial % 100}"
    person.row["delivery_1"] = delivery(None, None, phone)
    same = (area, phone[-3:])
    person.row["delivery_2"] = delivery(None, None, written_phone(same, person.serial))


def odd_activity(person: Person, _: None) -> None:
    """Two activities of one job, of which one may leave consent undated or expired."""
    first, odd = person.frame.good[0], (*person.frame.odd, person.frame.good[-1])[0]
    forget_images(person)
    name_activity(person, first.uuid)
    refer(person, show_image(person, odd.uuid))


# --- helpers ---


def _move_to_odd(person: Person) -> None:
    odd = (*person.frame.odd, person.frame.good[-1])[0]
    clear_activity(person)
    forget_images(person)
    refer(person, show_image(person, odd.uuid))


def _new_user(person: Person) -> str:
    place = divmod(person.serial, person.plan.subjects)
    return user_uuid(person.rng, *place)


def _add_user(person: Person, name: object, email: object, phone: object) -> str:
    uuid = _new_user(person)
    register(person, uuid, email)
    person.users[uuid] = user(uuid, name, email, phone)
    return uuid


# --- dealing out ---

KINDS: Final[tuple[tuple[Change, Sequence[Any]], ...]] = (
    (off_sale, ("itself", "image", "other job")),
    (no_images, NO_IMAGES),
    (contact_missing, ("all", "blank", "email only")),
    (contact_invalid, BAD_PHONES),
    (denied, DENIALS),
    (future_grant, ("yes",)),
    (old_grant, ("subscribed", True)),
    (no_access_key, NO_KEYS),
    (no_consent, (ABSENT, "maybe")),
    (on_both_lists, ("both", "own list")),
    (hostile_text, tuple(batched(HOSTILE_TEXTS, 5))),
    (ranked_users, (("N/A", None, "202-555-0177"), ("800-555-0199", "416.555.0188"))),
    (later_route, BAD_PHONES[:2]),
    (child_as_parent, (("user",), ("user", *DELIVERY_FIELDS))),
    (details_differ, (None,)),
    (user_without_details, ("No.Details@Example.com ",)),
    (login_email, ("", None)),
    (dirty_email, BAD_EMAILS[4:5]),
    (wrong_types, (0, 3)),
    (sparse, (None, ABSENT)),
    (odd_activity, (None,)),
    (undated_grant, ("soon",)),
    (foreign_phone, (US_AREAS[0], CA_AREAS[0])),
)


def _in_rounds() -> list[tuple[Change, Any]]:
    """One variant of each kind, then the second of each that has one, and so on."""
    columns = [[(change, value) for value in values] for change, values in KINDS]
    rounds = chain.from_iterable(zip_longest(*columns))
    return [case for case in rounds if case is not None]


CASES: Final = _in_rounds()


def case_number(subjects: int, job: int, subject: int) -> int | None:
    """Which case a subject is, counted over the portal; None for a plain one."""
    tens, digit = divmod(subject, 10)
    if digit not in CASE_DIGITS:
        return None
    each = sum(n % 10 in CASE_DIGITS for n in range(subjects % 10))
    in_a_job = subjects // 10 * len(CASE_DIGITS) + each
    return job * in_a_job + tens * len(CASE_DIGITS) + CASE_DIGITS.index(digit)


def apply_case(person: Person, number: int) -> None:
    """Make the subject the case that is next in turn."""
    change, value = turn(number, CASES)
    change(person, value)

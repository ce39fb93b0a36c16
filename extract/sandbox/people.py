"""A subject of a sandbox job, with everything that the portal has about it."""

from copy import deepcopy
from dataclasses import dataclass, field
from random import Random

from extract.sandbox.plan import (
    BUYER_SHARE,
    Activity,
    Family,
    Frame,
    Plan,
    family,
    home,
    new_uuid,
    time,
)
from extract.sandbox.words import (
    ABSENT,
    DENIALS,
    DIRTY_TIMES,
    EMAIL_FORMATS,
    EXTERNAL_IDS,
    GIVEN_NAMES,
    GRANTS,
    GROUPS,
    IMAGE_FIELDS,
    IMAGE_SHAPES,
    KEY_SHAPES,
    KEY_SUFFIXES,
    ODD_DELIVERIES,
    PHONE_FORMATS,
    SILENCES,
    UNREADABLE_TIMES,
    Row,
    put,
    turn,
    with_key,
)

DELIVERY_FIELDS = ("delivery_1", "delivery_2")
OWN_FIELDS = ("phone_number", "phone_number_2", "email", "email_2")
DELIVERY_PATTERNS = (
    ("first", "odd"),
    ("first", "second"),
    ("odd", "second"),
    ("odd", "odd"),
    ("first", "odd"),
)


@dataclass
class Person:
    """A subject while it is made up, and what it adds to its job.

    `row` is its row on its order list; `lists` holds all its copies by the list that
    sends them (buyers, non_buyers, job_details). `images` are those that the job's
    details know. `access_keys` is a raw answer, None for a 404.
    """

    plan: Plan
    frame: Frame
    serial: int
    rng: Random
    family: Family
    row: Row
    lists: dict[str, list[Row]] = field(default_factory=dict)
    images: list[Row] = field(default_factory=list)
    registrations: list[Row] = field(default_factory=list)
    users: dict[str, Row] = field(default_factory=dict)
    access_keys: object = None


def plain_person(plan: Plan, frame: Frame, number: int) -> Person:
    """Return an ordinary subject: exportable, with ordinary dirt."""
    place = home(frame.number, number)
    person = _new_person(plan, frame, number, family(plan, *place))
    _add_contacts(person)
    _add_consent(person)
    _add_activities(person)
    _add_users(person, owned=place == (frame.number, number))
    person.access_keys = access_keys(person)
    return person


def _new_person(plan: Plan, frame: Frame, number: int, kin: Family) -> Person:
    rng = plan.rng("subject", frame.number, number)
    serial = plan.serial(frame.number, number)
    first = rng.choice(GIVEN_NAMES)
    row: Row = {"uuid": new_uuid(rng)}
    external = turn(serial, EXTERNAL_IDS)
    if isinstance(external, str):
        external = external.format(n=serial)
    put(row, "external_id", external)
    row |= {"first_name": first, "last_name": kin.name}
    put(row, "name", turn(serial, (f"{first} {kin.name}", None, ABSENT)))
    put(row, "group", turn(serial, GROUPS))
    countries = (plan.country, None, f" {plan.country}\n", ABSENT)
    put(row, "country", turn(serial, countries))
    row |= {"parent_name": turn(serial, (None, kin.parents[0], "", kin.parents[1]))}
    row |= {"year": 2000 + serial % 20, "tags": ["seated", None], "notes": {"n": "7"}}
    # In every third job, siblings can be on different lists.
    buys = kin.buys if frame.number % 3 else rng.random() < BUYER_SHARE
    lists = {"buyers" if buys else "non_buyers": [row]}
    return Person(plan, frame, serial, rng, kin, row, lists)


def written_phone(phone: tuple[str, str], serial: int) -> object:
    """Return a textable phone as people type it, sometimes as a JSON number."""
    text = turn(serial, PHONE_FORMATS).format(a=phone[0], l=phone[1])
    return int(text) if text.isdecimal() and serial % 2 else text


def written_email(address: str, serial: int) -> str:
    """Return a valid e-mail as people type it."""
    return turn(serial, EMAIL_FORMATS).format(address=address)


def delivery(name: object, email: object, phone: object) -> Row:
    """Return a delivery object with all its fields."""
    return {"name": name, "email_address": email, "mobile_phone": phone}


def parent_delivery(person: Person, parent: int) -> Row:
    """Return the delivery of the first or second parent (0 or 1)."""
    kin, serial = person.family, person.serial + 5 * parent
    email = written_email(kin.emails[parent], serial)
    phone = written_phone(kin.phones[parent], serial)
    return delivery(kin.parents[parent], email, phone)


def _add_contacts(person: Person) -> None:
    serial, kin = person.serial, person.family
    deliveries = {
        "first": parent_delivery(person, 0),
        "second": parent_delivery(person, 1),
        "odd": deepcopy(turn(serial, ODD_DELIVERIES)),
    }
    pattern = turn(serial, DELIVERY_PATTERNS)
    for name, choice in zip(DELIVERY_FIELDS, pattern, strict=True):
        put(person.row, name, deliveries[choice])
    if pattern == ("odd", "odd"):
        person.row["phone_number"] = written_phone(kin.phones[0], serial)
        person.row["email"] = written_email(kin.emails[0], serial)
    if serial % 4 == 0:
        person.row["phone_number_2"] = turn(serial // 4, (None, "N/A", ""))
        person.row["email_2"] = written_email(kin.emails[1], serial)


def remove_contacts(person: Person) -> None:
    """Remove every contact route."""
    for name in (*DELIVERY_FIELDS, *OWN_FIELDS):
        put(person.row, name, ABSENT)
    person.registrations.clear()
    person.users.clear()


def dirty_time(person: Person, days_ago: int) -> str:
    """Return a readable time, in one of the forms of consent fields."""
    return time(person.plan, days_ago, turn(person.serial, DIRTY_TIMES))


def set_consent(person: Person, kind: str, word: object, at: object) -> None:
    """Set the fields of `marketing` or `transactional` consent."""
    put(person.row, f"sms_{kind}_consent", deepcopy(word))
    put(person.row, f"sms_{kind}_timestamp", deepcopy(at))


def _add_consent(person: Person) -> None:
    serial = person.serial
    readable = dirty_time(person, person.rng.randint(3, 300))
    unreadable = turn(serial // 4, UNREADABLE_TIMES)
    at = unreadable if serial % 4 == 1 else readable
    if person.plan.explicit or serial % 3 == 0:
        set_consent(person, "marketing", turn(serial // 3, GRANTS), at)
    else:
        set_consent(person, "marketing", turn(serial // 3, SILENCES), at)
    word = turn(serial, (*GRANTS, *SILENCES, *DENIALS))
    at = turn(serial // 2, UNREADABLE_TIMES) if serial % 2 else readable
    set_consent(person, "transactional", word, at)


def show_image(person: Person, activity: str | None) -> str:
    """Add an image of the job details, of this activity if there is one."""
    uuid = new_uuid(person.rng)
    forms: tuple[Row, ...] = (
        {"activity": {"uuid": activity}},
        {"activity_uuid": activity},
        {"activityUuid": activity, "activity": None},
    )
    owner = turn(len(person.images) + person.serial, forms) if activity else {}
    person.images.append({"uuid": uuid, "filename": f"{uuid[:4]}.jpg", **owner})
    return uuid


def refer(person: Person, *uuids: str) -> None:
    """Let the subject refer to images: all in one field, the last in another too."""
    serial = person.serial
    main = turn(serial, IMAGE_FIELDS)
    shape = turn(serial // len(IMAGE_FIELDS), IMAGE_SHAPES)
    person.row[main] = shape(uuids)
    other = turn(serial + 1, IMAGE_FIELDS)
    person.row[other] = turn(serial, (uuids[-1], {"uuid": uuids[-1]}, [uuids[-1]]))


def forget_images(person: Person) -> None:
    """Remove every image reference."""
    for name in IMAGE_FIELDS:
        put(person.row, name, ABSENT)
    person.images.clear()


def name_activity(person: Person, uuid: str) -> None:
    """Let the subject itself name an activity."""
    forms: tuple[Row, ...] = (
        {"activity_uuid": uuid},
        {"activity": {"uuid": uuid, "name": "Portraits"}},
        {"activity": uuid},
        {"activity_uuid": uuid, "activity": None},
    )
    clear_activity(person)
    person.row |= turn(person.serial, forms)


def clear_activity(person: Person) -> None:
    """Let the subject itself name no activity."""
    put(person.row, "activity", ABSENT)
    put(person.row, "activity_uuid", ABSENT)


def _by_images(person: Person, first: Activity, last: Activity) -> None:
    refer(person, show_image(person, first.uuid), show_image(person, first.uuid))


def _by_itself(person: Person, first: Activity, last: Activity) -> None:
    name_activity(person, first.uuid)
    refer(person, new_uuid(person.rng))


def _by_both(person: Person, first: Activity, last: Activity) -> None:
    name_activity(person, first.uuid)
    refer(person, show_image(person, first.uuid), show_image(person, last.uuid))


def _by_group_photo(person: Person, first: Activity, last: Activity) -> None:
    refer(person, person.frame.group_photo)


def _by_job(person: Person, first: Activity, last: Activity) -> None:
    refer(person, show_image(person, None), new_uuid(person.rng))


WAYS = (_by_images, _by_itself, _by_both, _by_images, _by_group_photo, _by_job)


def _add_activities(person: Person) -> None:
    """Tie the subject to good activities, in several ways by turns."""
    good = person.frame.good
    way = turn(person.serial, WAYS)
    if way is _by_job and not person.frame.starts_well:
        way = _by_images
    way(person, turn(person.serial // len(WAYS), good), good[-1])


def register(person: Person, uuid: str, email: object) -> None:
    """Register a user on the subject, with a login e-mail."""
    subject = person.row["uuid"]
    forms: tuple[Row, ...] = (
        {"subjectUuid": subject, "userUuid": uuid, "userUsername": email},
        {"subjectUuid": subject, "uuid": uuid, "email": email},
        {"subjectUuid": subject, "userUuid": uuid, "email": email, "active": True},
        {"uuid": uuid, "userUsername": email, "subjectUuid": subject},
    )
    person.registrations.append(turn(person.serial + len(person.registrations), forms))


def user(uuid: str, name: object, email: object, phone: object) -> Row:
    """Return a user's details."""
    row: Row = {"uuid": uuid, "name": name, "email_address": email}
    return row | {"phone_number": phone, "locale": "en"}


def _add_users(person: Person, *, owned: bool) -> None:
    """Register the family's users; only the older sibling has their details."""
    kin, serial = person.family, person.serial
    for n, uuid in enumerate(kin.users):
        register(person, uuid, kin.emails[n].upper())
        if owned:
            email = written_email(kin.emails[n], serial + 2)
            phone = written_phone(kin.phones[n], serial + 7)
            person.users[uuid] = user(uuid, kin.parents[n], email, phone)


def access_keys(person: Person) -> object:
    """Return a raw answer with an access key."""
    digits = person.row["uuid"].replace("-", "").upper()
    key = f"{digits[:4]}-{digits[4:8]}{turn(person.serial, KEY_SUFFIXES)}"
    return with_key(turn(person.serial, KEY_SHAPES), key)

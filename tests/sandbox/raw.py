"""Small questions about a world's raw data, for the tests to ask."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import phonenumbers

TODAY = date(2026, 3, 15)
NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
OLDEST = NOW - timedelta(days=365)
REGIONS = {"1": "US", "2": "CA"}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
IMAGE_FIELDS = (
    *("images", "group_images", "image"),
    *("favorite_image_uuid", "favoriteImageUuid", "favorite_image"),
)
GRANTS = {"subscribe", "subscribed", "yes", "true", "1", "opt_in", "opt-in"}
DENIALS = {"unsubscribe", "unsubscribed", "no", "false", "0", "opt_out", "opt-out"}


@dataclass(frozen=True)
class Subject:
    """A listed subject: its portal, its job, and its copies, the order lists' first."""

    portal: Any
    job: Any
    copies: list[Any]

    @property
    def row(self) -> Any:
        return self.copies[0]


def subjects(portal: Any) -> list[Subject]:
    """All subjects of a portal that are on an order list."""
    found = []
    for job in portal["jobs"].values():
        copies: dict[str, list[Any]] = {}
        for row in (*job["buyers"], *job["non_buyers"]):
            copies.setdefault(row["uuid"], []).append(row)
        for row in detail_rows(job, "subjects"):
            if row["uuid"] in copies:
                copies[row["uuid"]].append(row)
        found += [Subject(portal, job, rows) for rows in copies.values()]
    return found


def detail_rows(job: Any, name: str) -> list[Any]:
    """The subjects or images of the job details, with their uuids."""
    details = job["details"]
    value = details.get(name) or details.get("job", {}).get(name) or []
    if isinstance(value, dict):
        return [{"uuid": uuid, **row} for uuid, row in value.items()]
    return list(value)


def user_of(registration: Any) -> Any:
    return registration.get("userUuid") or registration.get("uuid")


def registrations(subject: Subject) -> list[Any]:
    rows = subject.job["registrations"]
    return [row for row in rows if row["subjectUuid"] == subject.row["uuid"]]


def users(subject: Subject) -> list[Any]:
    known = subject.portal["users"]
    uuids = [user_of(row) for row in registrations(subject)]
    return [known[uuid] for uuid in uuids if uuid in known]


def deliveries(subject: Subject) -> list[Any]:
    values = [subject.row.get("delivery_1"), subject.row.get("delivery_2")]
    return [value for value in values if isinstance(value, dict)]


def phone_texts(subject: Subject) -> list[str]:
    """Every text on the subject's phone routes that is not blank."""
    values = [user["phone_number"] for user in users(subject)]
    values += [delivery.get("mobile_phone") for delivery in deliveries(subject)]
    values += [subject.row.get("phone_number"), subject.row.get("phone_number_2")]
    texts = [str(value).strip() for value in values if isinstance(value, str | int)]
    return [text for text in texts if text]


def is_textable(text: str, region: str) -> bool:
    try:
        number = phonenumbers.parse(text.strip(), region)
    except phonenumbers.NumberParseException:
        return False
    kinds = phonenumbers.PhoneNumberType
    textable = {kinds.MOBILE, kinds.FIXED_LINE_OR_MOBILE}
    is_valid = phonenumbers.is_valid_number(number)
    return is_valid and phonenumbers.number_type(number) in textable


def has_phone(subject: Subject) -> bool:
    return any(is_textable(text, "US") for text in phone_texts(subject))


def uuids_in(value: object) -> Iterator[str]:
    """Every uuid in a value, as a text, a key, or deeper inside."""
    if isinstance(value, str) and UUID.fullmatch(value):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from uuids_in(key)
            yield from uuids_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from uuids_in(inner)


def images(subject: Subject) -> set[str]:
    values = [copy.get(field) for copy in subject.copies for field in IMAGE_FIELDS]
    return set(uuids_in(values))


def own_activities(subject: Subject) -> set[str]:
    fields = ("activity", "activity_uuid")
    return set(uuids_in([copy.get(f) for copy in subject.copies for f in fields]))


def image_activities(subject: Subject) -> set[str]:
    seen = images(subject)
    known = [row for row in detail_rows(subject.job, "images") if row["uuid"] in seen]
    fields = ("activity", "activity_uuid", "activityUuid")
    return set(uuids_in([row.get(field) for row in known for field in fields]))


def on_sale(subject: Subject) -> dict[str, Any]:
    """The activities on sale in the subject's job, by uuid."""
    details = subject.job["details"]
    job = details.get("uuid") or details["job"]["uuid"]
    rows = subject.portal["activities"]
    return {row["uuid"]: row for row in rows if row["job"]["uuid"] == job}


def sold_activities(subject: Subject) -> list[Any]:
    """The subject's activities on sale; all of its job's where it has none known."""
    known = own_activities(subject) | image_activities(subject)
    return [row for uuid, row in on_sale(subject).items() if uuid in (known or {uuid})]


def is_reachable(subject: Subject) -> bool:
    """Whether nothing but consent and access keys can exclude the subject."""
    return bool(sold_activities(subject) and images(subject) and has_phone(subject))


def word(row: Any, kind: str = "marketing") -> str:
    value = row.get(f"sms_{kind}_consent")
    return str(value).strip().lower() if isinstance(value, str | int) else ""


def read_time(value: object) -> datetime | None:
    """A time that can be read; dates without an offset are UTC."""
    try:
        read = datetime.fromisoformat(str(value).strip())
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def granted_at(subject: Subject) -> datetime | None:
    """The time of an explicit grant; None for no grant, or one without a time."""
    if word(subject.row) not in GRANTS:
        return None
    return read_time(subject.row.get("sms_marketing_timestamp"))


def keys(answer: Any) -> list[str]:
    """The access keys of an answer that are not blank."""
    if isinstance(answer, dict):
        answer = answer.get("access_keys") or answer.get("data")
    values = [
        (row.get("access_key") or row.get("key")) if isinstance(row, dict) else row
        for row in answer or []
    ]
    return [value for value in values if value and value.strip()]


def access_key(subject: Subject) -> list[str]:
    return keys(subject.job["access_keys"].get(subject.row["uuid"]))

"""The shapes of the portal's answers, and the landing rows that they become.

Pure functions from parsed JSON to rows, without business rules. The rows of a page or
of job details can still be unparsed. A body of an unknown shape raises ShapeError, a
row without a key RowError. Text is the portal's own: numbers are kept as they were
written, and other values become null.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from common.text import MARGIN
from extract.jsontext import Members, Number, Refused, RowError

type Raw = dict[str, object]
type Row = dict[str, Any]
type Member = tuple[str | None, object]

MAX_KEY = 512
DELIVERY_FIELDS = ("name", "email_address", "mobile_phone")
SUBJECT_TEXTS = (
    "external_id",
    "first_name",
    "last_name",
    "name",
    "country",
    "parent_name",
    "phone_number",
    "phone_number_2",
    "email",
    "email_2",
    "sms_marketing_timestamp",
    "sms_transactional_timestamp",
)
SUBJECT_CONSENTS = ("sms_marketing_consent", "sms_transactional_consent")
SUBJECT_CONTACTS = ("phone_number", "phone_number_2", "email", "email_2")
DELIVERY_CONTACTS = ("email_address", "mobile_phone")
IMAGE_FIELDS = (
    "images",
    "group_images",
    "image",
    "favorite_image_uuid",
    "favoriteImageUuid",
    "favorite_image",
)
JOB_FIELDS = {"uuid", "name", "job", "subjects", "images"}
USER_FIELDS = {"uuid", "name", "email_address", "phone_number"}


class ShapeError(ValueError):
    """An answer has an unknown shape."""


@dataclass(frozen=True)
class Page:
    """One page of a list: its rows, and the next page's address if there is one."""

    rows: Iterable[object]
    next_link: str | None


@dataclass(frozen=True)
class JobDetails:
    """A job: its name, its own fields, and its subjects and images with their keys.

    Subjects and images can be iterated once.
    """

    name: str | None
    payload: Raw
    subjects: Iterable[Member]
    images: Iterable[Member]


@dataclass(frozen=True)
class AccessKeys:
    """A subject's access keys, each in any form, and the answer as it came."""

    items: list[object]
    payload: object


# Answers


def read_page(body: object) -> Page:
    """Read one page of a list from any envelope."""
    return Page(_list_in(body, ("data", "results")), _next_link(body))


def read_job_details(body: object) -> JobDetails:
    """Read a job whose fields are at the top, or under `job`, or at both."""
    top = _object_in(body, JOB_FIELDS)
    job = top.get("job")
    levels = [top, job] if isinstance(job, dict) else [top]
    names = (text(level.get("name")) for level in levels)
    subjects = [_members(level, "subjects") for level in levels]
    images = [_members(level, "images") for level in levels]
    payload = _without_members(top)
    if isinstance(job, dict):
        payload["job"] = _without_members(job)
    return JobDetails(
        name=next((name for name in names if not is_blank(name)), None),
        payload=payload,
        subjects=chain.from_iterable(subjects),
        images=chain.from_iterable(images),
    )


def read_user(body: object) -> Raw:
    """Read a registered user."""
    return _object_in(body, USER_FIELDS)


def read_access_keys(body: object) -> AccessKeys:
    """Read a subject's access keys, bare or by name within an envelope."""
    if isinstance(body, Refused):
        return AccessKeys([body], body)
    inner = body.get("data") if isinstance(body, dict) else None
    names = ("access_keys", "data", "results")
    items = _list_in(inner if isinstance(inner, dict) else body, names)
    return AccessKeys([*items], body)


def _list_in(body: object, names: tuple[str, ...]) -> Iterable[object]:
    items = _items(body)
    if items is not None:
        return items
    envelope = _envelope(body)
    for name in names:
        if name in envelope:
            items = _items(envelope[name])
            if items is not None:
                return items
            raise ShapeError(f"{name} is not a list")
    raise ShapeError("no list where one was expected")


def _items(value: object) -> Iterable[object] | None:
    if isinstance(value, Members) and not value.is_keyed:
        return (item for _, item in value)
    return value if isinstance(value, list) else None


def _object_in(body: object, known: set[str]) -> Raw:
    envelope = _envelope(body)
    is_bare = "data" not in envelope or known & envelope.keys()
    found = envelope if is_bare else envelope["data"]
    if not isinstance(found, dict) or not known & found.keys():
        raise ShapeError("no object of the expected fields")
    return found


def _envelope(body: object) -> Raw:
    if not isinstance(body, dict):
        raise ShapeError("neither an object nor a list")
    if body.get("success") is False:
        raise ShapeError("success is false")
    return body


def _next_link(body: object) -> str | None:
    if not isinstance(body, dict):
        return None
    meta = body.get("meta")
    places = (meta.get("next") if isinstance(meta, dict) else None, body.get("next"))
    for link in places:
        if link is not None and not isinstance(link, str):
            raise ShapeError("next is not a text")
        if link and link.strip():
            return link
    return None


def _members(level: Raw, name: str) -> Iterable[Member]:
    found = level.get(name)
    if found is None:
        return []
    if isinstance(found, Members):
        return found
    if isinstance(found, dict):
        return list(found.items())
    if isinstance(found, list):
        return [(None, item) for item in found]
    raise ShapeError(f"{name} is neither an object nor a list")


def _without_members(level: Raw) -> Raw:
    return {k: v for k, v in level.items() if k not in ("subjects", "images")}


# Rows


def activity_row(raw: object, position: int) -> Row:
    """Return an activity's row; RowError if it has no job."""
    activity = _object(raw)
    job = activity.get("job")
    return {
        "activity_uuid": key(activity.get("uuid"), "activity"),
        "name": text(activity.get("name")),
        "starting": text(activity.get("starting")),
        "job_uuid": key(job, "job"),
        "job_name": text(job.get("name")) if isinstance(job, dict) else None,
        "position": position,
        "payload": activity,
    }


def job_of(raw: object) -> str | None:
    """Return the uuid of an activity's job, if it has any."""
    return uuid(raw.get("job")) if isinstance(raw, dict) else None


def job_row(job: str, name: str | None, payload: object, is_gone: bool = False) -> Row:
    """Return a job's row; `payload` is without its subjects and images."""
    return {"job_uuid": job, "name": name, "is_gone": is_gone, "payload": payload}


def image_row(job: str, member: Member, position: int) -> Row:
    """Return the row of an image of the job details."""
    image = _object(member[1])
    named = (image.get(field) for field in ("activity", "activity_uuid"))
    return {
        "job_uuid": job,
        "image_uuid": _own_key(image, member[0], "image"),
        "activity_uuid": _first_uuid(*named, image.get("activityUuid")),
        "position": position,
        "payload": image,
    }


def subject_row(job: str, listed_in: str, member: Member, position: int) -> Row:
    """Return the row of one copy of a subject, in one list."""
    subject = _object(member[1])
    return {
        "job_uuid": job,
        "subject_uuid": _own_key(subject, member[0], "subject"),
        "listed_in": listed_in,
        "position": position,
        **{field: text(subject.get(field)) for field in SUBJECT_TEXTS},
        **{field: consent(subject.get(field)) for field in SUBJECT_CONSENTS},
        "group_name": text(subject.get("group")),
        "delivery_1": delivery(subject.get("delivery_1")),
        "delivery_2": delivery(subject.get("delivery_2")),
        "activity_uuid": uuid(subject.get("activity_uuid")),
        "activity": uuid(subject.get("activity")),
        "image_uuids": image_uuids(subject),
        "payload": subject,
    }


def registration_row(job: str, raw: object, position: int) -> Row:
    """Return the row of one user's registration on one subject."""
    registration = _object(raw)
    user = _first_uuid(registration.get("userUuid"), registration.get("uuid"))
    emails = [text(registration.get(field)) for field in ("userUsername", "email")]
    return {
        "job_uuid": job,
        "subject_uuid": key(registration.get("subjectUuid"), "subject"),
        "user_uuid": key(user, "user"),
        "email": next((email for email in emails if not is_blank(email)), emails[0]),
        "position": position,
        "payload": registration,
    }


def user_row(user: str, raw: Raw | None) -> Row:
    """Return the row of a user; None: its details are gone."""
    fields = ("name", "email_address", "phone_number")
    return {
        "user_uuid": user,
        **{field: text((raw or {}).get(field)) for field in fields},
        "is_gone": raw is None,
        "payload": raw,
    }


def access_keys_row(job: str, subject: str, found: AccessKeys | None) -> Row:
    """Return the row of a subject's access keys, blank ones left out; None: no keys."""
    keys = [text(_access_key(item)) for item in found.items] if found else []
    return {
        "job_uuid": job,
        "subject_uuid": subject,
        "access_keys": [key for key in keys if not is_blank(key)],
        "payload": found.payload if found else None,
    }


def is_reachable(subject: Row) -> bool:
    """Return whether a subject's row has any text in a phone or e-mail field."""
    deliveries = (subject["delivery_1"], subject["delivery_2"])
    texts = [subject[field] for field in SUBJECT_CONTACTS]
    texts += [one[field] for one in deliveries if one for field in DELIVERY_CONTACTS]
    return not all(is_blank(one) for one in texts)


# Values


def text(value: object) -> str | None:
    """Return a text field: text, a number as it was written, or null."""
    if isinstance(value, str):
        return value
    if isinstance(value, Number):
        return value.text
    if isinstance(value, bool):
        return None
    return repr(value) if isinstance(value, int | float) else None


def consent(value: object) -> str | None:
    """Return a consent field: text, or a boolean as a word."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return text(value)


def uuid(value: object) -> str | None:
    """Return the uuid that a value is, or has at `uuid`; None if blank."""
    found = text(value.get("uuid") if isinstance(value, dict) else value)
    return None if is_blank(found) else found


def key(value: object, what: str) -> str:
    """Return the uuid that keys a row; RowError if there is none."""
    found = uuid(value)
    if found is None:
        raise RowError(f"no {what} uuid")
    if len(found) > MAX_KEY:
        raise RowError(f"a {what} uuid longer than {MAX_KEY} characters")
    return found


def delivery(value: object) -> Row | None:
    """Return the contact fields of a delivery, null unless it is an object."""
    if not isinstance(value, dict):
        return None
    return {field: text(value.get(field)) for field in DELIVERY_FIELDS}


def image_uuids(subject: Raw) -> list[str]:
    """Return the images of a subject, in order, each once."""
    found = (one for field in IMAGE_FIELDS for one in _references(subject.get(field)))
    return list(dict.fromkeys(found))


def is_blank(value: str | None) -> bool:
    """Return whether there is nothing but white space and control characters."""
    return value is None or not value.strip(MARGIN)


def _references(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, dict) and "uuid" not in value:
        yield from (name for name in value if not is_blank(name))
    else:
        one = uuid(value)
        if one is not None:
            yield one


def _object(raw: object) -> Raw:
    if isinstance(raw, Refused):
        raise RowError(raw.reason)
    if not isinstance(raw, dict):
        raise RowError("not an object")
    return raw


def _access_key(item: object) -> object:
    if not isinstance(item, dict):
        return item
    if item and "access_key" not in item and "key" not in item:
        raise RowError("an access key is an object without a key")
    key = item.get("access_key")
    return item.get("key") if is_blank(text(key)) else key


def _own_key(raw: Raw, name: str | None, what: str) -> str:
    return key(_first_uuid(raw.get("uuid"), name), what)


def _first_uuid(*values: object) -> str | None:
    return next((one for one in map(uuid, values) if one is not None), None)

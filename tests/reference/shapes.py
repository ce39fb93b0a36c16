"""The portal's raw answers, in every variant that the API page lists."""

from collections.abc import Iterator

from tests.reference.text import r7_text, trimmed

Row = dict[str, object]


def part(value: object, *names: str) -> object:
    """What an object holds under a path of names; None where there is nothing."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def rows(value: object) -> list[Row]:
    """The objects of a list; whatever else it holds is no row."""
    if not isinstance(value, list):
        return []
    return [row for row in value if isinstance(row, dict)]


def uuid_of(value: object) -> str:
    """A uuid, or an object with one: `UUID` or `{"uuid": UUID}`."""
    return trimmed(part(value, "uuid") if isinstance(value, dict) else value)


def first_uuid(row: Row, *names: str) -> str:
    """The first of the fields that names a uuid."""
    uuids = (uuid_of(row.get(name)) for name in names)
    return next(filter(None, uuids), "")


def with_uuids(value: object, field: str) -> list[tuple[str, Row]]:
    """The objects of a list, each with the uuid that one of its fields names."""
    return [(uuid_of(row.get(field)), row) for row in rows(value)]


def keyed_rows(value: object) -> Iterator[tuple[str, Row]]:
    """Objects with their uuids: an object keyed by uuid, or a list."""
    yield from with_uuids(value, "uuid")
    if isinstance(value, dict):
        for key, row in value.items():
            if isinstance(row, dict):
                yield uuid_of(row.get("uuid")) or trimmed(key), row


def in_details(details: object, name: str) -> list[tuple[str, Row]]:
    """The job details' subjects or images: at the top and under `job`."""
    at_the_top = keyed_rows(part(details, name))
    under_job = keyed_rows(part(details, "job", name))
    return [*at_the_top, *under_job]


def job_name(details: object) -> str:
    """The job details' name, at the top or under `job`."""
    return r7_text(part(details, "name")) or r7_text(part(details, "job", "name"))


IMAGE_FIELDS = (
    "images",
    "group_images",
    "image",
    "favorite_image_uuid",
    "favoriteImageUuid",
    "favorite_image",
)


def image_references(subject: Row) -> set[str]:
    """The images that one copy of a subject refers to, by any of the six fields."""
    return {
        uuid
        for field in IMAGE_FIELDS
        for uuid in _references(subject.get(field))
        if uuid
    }


def _references(value: object) -> Iterator[str]:
    for reference in value if isinstance(value, list) else [value]:
        if isinstance(reference, dict) and "uuid" not in reference:
            yield from map(trimmed, reference)
        else:
            yield uuid_of(reference)


def image_activity(image: Row) -> str:
    """The activity of an image of the job details, empty if it has none."""
    return first_uuid(image, "activity", "activity_uuid", "activityUuid")


def registration_email(registration: Row) -> object:
    """The login e-mail: the first of the two fields that is not empty."""
    username = registration.get("userUsername")
    return username if r7_text(username) else registration.get("email")


def access_keys(answer: object) -> Iterator[str]:
    """The keys of an answer in order: bare, or under `access_keys` or `data`."""
    if isinstance(answer, dict):
        yield from access_keys(answer.get("access_keys"))
        yield from access_keys(answer.get("data"))
    elif isinstance(answer, list):
        for key in answer:
            if isinstance(key, dict):
                yield trimmed(key.get("access_key"))
                yield trimmed(key.get("key"))
            else:
                yield trimmed(key)

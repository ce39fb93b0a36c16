"""The sandbox's vocabulary: invented names, and the dirt that real portals send.

`words.json` has the words. In a template, {day} is YYYY-MM-DD, {a} an area code, and
{l} the last three digits of a phone.
"""

import json
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any, Final

type Row = dict[str, Any]

# The value of a field that the portal leaves out of the object altogether.
ABSENT: Final = ...

_WORDS: Final = json.loads(files(__package__).joinpath("words.json").read_text("utf-8"))


def _words(name: str) -> tuple[Any, ...]:
    return tuple(ABSENT if word == "<absent>" else word for word in _WORDS[name])


US_AREAS: Final = _words("us_areas")
CA_AREAS: Final = _words("ca_areas")
GIVEN_NAMES: Final = _words("given_names")
FAMILY_NAMES: Final = _words("family_names")
PLACES: Final = _words("places")
JOB_NAMES: Final = _words("job_names")
ACTIVITY_NAMES: Final = _words("activity_names")
GROUPS: Final = _words("groups")
EXTERNAL_IDS: Final = _words("external_ids")

# Readable times. A late hour west of Greenwich is the next day in UTC.
TIMES: Final = _words("times")
DIRTY_TIMES: Final = TIMES + _words("dirty_times")
UNREADABLE_TIMES: Final = _words("unreadable_times")

GRANTS: Final = _words("grants")
DENIALS: Final = _words("denials")
# Words that neither grant nor deny, though some look like it.
SILENCES: Final = _words("silences")

# Ways to write a phone that can be texted.
PHONE_FORMATS: Final = _words("phone_formats")
# Words, cut or doubled numbers, and valid numbers that are toll-free, premium-rate or a
# landline abroad.
BAD_PHONES: Final = _words("bad_phones")
# Ways to write an e-mail that is valid once it is trimmed and lower-cased.
EMAIL_FORMATS: Final[tuple[str, ...]] = _words("email_formats")
BAD_EMAILS: Final = _words("bad_emails")

# Deliveries without any contact: a phone in a string does not count.
ODD_DELIVERIES: Final = _words("odd_deliveries")
# Text that is hostile to CSV, SQL, JSON, templates or spreadsheets, or that cleaning
# changes: quotes, line ends, control characters, formulas, decomposed letters, spaces.
HOSTILE_TEXTS: Final = _words("hostile_texts")
WRONG_TYPES: Final = _words("wrong_types")

KEY_SUFFIXES: Final = _words("key_suffixes")
# Answers that have {key}.
KEY_SHAPES: Final = _words("key_shapes")
# Answers without any key; None stands for 404.
NO_KEYS: Final = _words("no_keys")

IMAGE_FIELDS: Final = _words("image_fields")
IMAGE_SHAPES: Final[tuple[Callable[[Sequence[str]], Any], ...]] = (
    lambda uuids: [{"uuid": uuid, "position": n} for n, uuid in enumerate(uuids)],
    lambda uuids: uuids[0],
    list,
    lambda uuids: {uuid: {"position": n} for n, uuid in enumerate(uuids)},
    lambda uuids: {"uuid": uuids[0], "filename": "0001.jpg"},
    lambda uuids: [None, "", *({"uuid": uuid} for uuid in uuids)],
    lambda uuids: [{uuid: {"uuid": uuid}} for uuid in uuids],
)
# The values of the image fields of a subject without a picture.
NO_IMAGES: Final = _words("no_images")


def with_key(shape: object, key: str) -> object:
    """Return one of KEY_SHAPES with a key in it."""
    if isinstance(shape, str):
        return shape.replace("{key}", key)
    if isinstance(shape, list):
        return [with_key(item, key) for item in shape]
    if isinstance(shape, dict):
        return {name: with_key(value, key) for name, value in shape.items()}
    return shape


def turn[T](serial: int, values: Sequence[T]) -> T:
    """Return a value by turns, so that consecutive serials get all of them."""
    return values[serial % len(values)]


def put(row: Row, field: str, value: object) -> None:
    """Set a field, or remove it if the value is ABSENT."""
    if value is ABSENT:
        row.pop(field, None)
    else:
        row[field] = value

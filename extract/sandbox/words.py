"""The sandbox's vocabulary: invented names, and the dirt that real portals send."""

from collections.abc import Callable, Sequence
from typing import Any, Final

type Row = dict[str, Any]

# A field that the portal leaves out of the object altogether.
ABSENT: Final = ...

_US_AREAS = """
201 202 203 205 206 207 208 209 210 212 213 214 215 216 217
218 219 224 225 228 229 231 234 239 240 248 251 252 253 254
"""
_CA_AREAS = """
204 226 236 249 250 289 306 343 365 403 416 418 431 437 438
450 506 514 519 548 579 581 587 604 613 639 647 672 705 709
"""
_GIVEN_NAMES = """
Ada Amara Anouk Arlo Bela Bram Caia Cyrus Dara Edda Elio Enzo Esme Faye Finn Greta Hugo
Ida Ilka Ines Ivo Jonas Juno Kaia Lars Leni Lior Mabel Milo Nadia Nico Nora Odin Orla
Otis Petra Quinn Remy Rosa Runa Saul Suri Tess Theo Uma Vera Wren Xenia Yara Zeno Zoë
André Noël
"""
_FAMILY_NAMES = """
Abernay Aldermoor Ashgrove Bellwether Birchall Blakesley Brightwater Calloway
Carrowmore Castellan Dunmere Eastlake Elmhurst Fairbrook Fennimore Galloway-Reed
Glenholm Hartsfield Hollowell Inverley Juniper Kestrel Kirkmoor Larkspur Lindqvist
Marrowby Merriweather Northgate O'Dell Oakhanger Pemberley Quillfeather Ravenscar
Rosehill Sablewood Silverthorn Stonebridge Thistledown Umberland Valecroft Westerby
Wexcombe Winterbourne Yarrowdale Núñez-Vale Çelikkaya
"""
US_AREAS: Final = tuple(_US_AREAS.split())
CA_AREAS: Final = tuple(_CA_AREAS.split())
GIVEN_NAMES: Final = tuple(_GIVEN_NAMES.split())
FAMILY_NAMES: Final = tuple(_FAMILY_NAMES.split())
PLACES: Final = (
    "Maple Street",
    "Lakeview",
    "Fernhill",
    "Cedar Hollow",
    "Northfield",
    "Riverbend",
    "Sunnyside",
    "Old Mill",
    "Harbor Point",
)
JOB_NAMES: Final = (
    "{place} Elementary",
    '{place} High School, "North" Campus',
    "  {place}\tDay   Care\n",
    "={place} Prep",
    "E\u0301cole {place}",
    "{place} Academy \U0001f393",
)
ACTIVITY_NAMES: Final = (
    "Fall Portraits",
    "Retakes",
    "+Spring Session",
    "Class Photos, Day 2",
    " Sports\u00a0Day\n",
)
GROUPS: Final = (
    "Grade 3",
    "Grade 4",
    "3A",
    " Grade  3 ",
    None,
    "Room 12, East",
    ABSENT,
)
EXTERNAL_IDS: Final = ("S-{n:05d}", "{n}", " {n:06d} ", None, "A/{n}", "", ABSENT)

# Times that can be read; {day} is YYYY-MM-DD. A late hour west of Greenwich is the next
# day in UTC.
TIMES: Final = (
    "{day}T09:30:00-05:00",
    "{day}",
    "{day}T14:00:00Z",
    "{day}T08:15:00",
    "{day}T10:00:00.250Z",
    "{day}T22:45:00-08:00",
)
DIRTY_TIMES: Final = (*TIMES, " {day}T07:00:00+00:00 ", "{day} 12:00:00")
# Times that nobody can read.
UNREADABLE_TIMES: Final[tuple[object, ...]] = (
    ABSENT,
    None,
    "",
    "soon",
    "N/A",
    "0000-00-00 00:00:00",
    "2025-02-30",
    "31/12/2024",
    True,
    1759309200,
    [],
    {"date": "2025-09-01"},
    "infinity",
)

GRANTS: Final = (
    "SUBSCRIBE",
    "subscribed",
    "Yes",
    "true",
    True,
    "1",
    1,
    "opt_in",
    "Opt-In",
    " SUBSCRIBED \n",
)
DENIALS: Final = (
    "UNSUBSCRIBE",
    "unsubscribed",
    "No",
    "false",
    False,
    "0",
    0,
    "OPT_OUT",
    "opt-out",
    "\tUnsubscribe ",
)
# Words that neither grant nor deny, though some look like it.
SILENCES: Final[tuple[object, ...]] = (
    ABSENT,
    None,
    "",
    "maybe",
    "y",
    "pending",
    [],
    {},
    2,
    "N/A",
    "   ",
    "subscribe?",
)

# Ways of writing a textable phone; {a} is the area code, {l} the last three digits.
PHONE_FORMATS: Final = (
    "{a}-555-0{l}",
    "({a}) 555-0{l}",
    "+1{a}5550{l}",
    "{a}.555.0{l}",
    "+1 {a} 555 0{l}",
    "{a}5550{l}",
    "1-{a}-555-0{l}",
    " {a} 555 0{l} \n",
    "{a}\u00a0555\u00a00{l}",
    "[{a}] 555-0{l}",
    "+1 ({a}) 555.0{l}",
    "{a}-555-0{l} ext. 12",
    "{a}-555-0{l} x4",
    "tel:+1-{a}-555-0{l}",
    "Mobile: {a}-555-0{l}",
    "{a}\u2013555\u20130{l}",
    "{a}/555-0{l}",
)
# Text in a phone field that is no textable phone: words, cut or doubled numbers, and
# numbers that are valid but toll-free, premium-rate or a landline abroad.
BAD_PHONES: Final = (
    "call mom",
    "N/A",
    "800-555-0199",
    "555-0123",
    "202-555-0123 / 202-555-0124",
    "202-555-0123 (mom)",
    "+44 20 7946 0018",
    "900-555-0100",
    "202-555-01234",
    "see office\nfirst",
    "000-000-0000",
    "parent@example.com",
    911,
)
# Ways of writing an e-mail that is valid once it is trimmed and lower-cased.
EMAIL_FORMATS: Final = (
    "{address}",
    " {address}",
    "{address}\n",
    "\u00a0{address} ",
    "\t{address}\r\n",
)
BAD_EMAILS: Final = (
    "N/A",
    "none",
    "parent at example.com",
    "parent@example",
    "a.parent@example.com; b.parent@example.com",
    "parent@@example.com",
    "two words@example.com",
    "@",
    42,
)

# What a portal sends for a delivery that has nothing to offer. A phone in a string is
# no delivery's phone.
ODD_DELIVERIES: Final[tuple[object, ...]] = (
    None,
    "",
    [],
    {},
    "N/A",
    "Office: 202-555-0100",
    ABSENT,
    {"name": None, "email_address": None, "mobile_phone": None},
    {"name": "  "},
    {"email_address": ""},
    ["202-555-0100"],
    False,
)

# Text that is hostile to CSV, SQL, JSON, templates or spreadsheets, or that cleaning
# changes: quotes, line ends, control characters, formulas, decomposed letters, spaces.
HOSTILE_TEXTS: Final = (
    'Anna, "Annie"\nMaria',
    "=cmd|'/C calc'!A0",
    "O'Dell; DROP TABLE subjects;--",
    '{"first_name": ["x", null]}',
    "Zoe\u0308 Ame\u0301lie",
    "+1+1",
    "-2+3",
    "tab\there\r\nthere",
    "\U0001f469\u200d\U0001f467 Kaia",
    "@SUM(A1:A9)",
    "\u00a0Nora\u00a0\u2003Rose\u00a0",
    "bell\x07 and\x1b[31m red\x7f",
    "\\N",
    "NULL",
    "{{ ref('x') }} ${HOME} %s",
    '"',
    "\u212bngstr\u00f6m \ufb01",
    "line\u2028separator\x85next",
    "'=1+1",
    "<b>&amp;</b>",
    "\ufeffmark",
    "a\\",
    ",",
    "\u05d0\u05d1\u202e right",
    ";--\t",
)
WRONG_TYPES: Final[tuple[object, ...]] = (True, ["Ida"], {"en": "Ida"}, 3.5, 12, [])

KEY_SUFFIXES: Final = (
    *("", "", "/a", "", "", "+b", "", " c"),
    *("", "&d=1", "", "?e#f%41", "", "\u00e9", "~._-"),
)
KEY_SHAPES: Final[tuple[Callable[[str], Any], ...]] = (
    lambda key: [key],
    lambda key: [{"access_key": key}],
    lambda key: {"access_keys": [key]},
    lambda key: [{"key": key}, {"key": "SECOND"}],
    lambda key: {"data": [{"access_key": key, "created_at": None}]},
    lambda key: ["", key],
    lambda key: {"access_keys": [{"key": f" {key}\n"}]},
    lambda key: [None, {"access_key": " "}, {"key": key}],
    lambda key: {"data": [key, "SECOND"]},
)
# Answers without any key; None stands for 404.
NO_KEYS: Final[tuple[object, ...]] = (
    None,
    [],
    {"access_keys": ["", " "]},
    {"data": []},
    [{"key": ""}, {"access_key": None}, {}],
)

IMAGE_FIELDS: Final = (
    "images",
    "favorite_image_uuid",
    "image",
    "group_images",
    "favoriteImageUuid",
    "favorite_image",
)
IMAGE_SHAPES: Final[tuple[Callable[[Sequence[str]], Any], ...]] = (
    lambda uuids: [{"uuid": uuid, "position": n} for n, uuid in enumerate(uuids)],
    lambda uuids: uuids[0],
    list,
    lambda uuids: {uuid: {"position": n} for n, uuid in enumerate(uuids)},
    lambda uuids: {"uuid": uuids[0], "filename": "0001.jpg"},
    lambda uuids: [None, "", *({"uuid": uuid} for uuid in uuids)],
    lambda uuids: [{uuid: {"uuid": uuid}} for uuid in uuids],
)
# What stands in the image fields of a subject that has no picture.
NO_IMAGES: Final[tuple[object, ...]] = (
    ABSENT,
    None,
    [],
    {},
    "",
    [None, " "],
    {"uuid": ""},
)


def turn[T](serial: int, values: Sequence[T]) -> T:
    """Take the values in turn, so that enough serials in a row see all of them."""
    return values[serial % len(values)]


def put(row: Row, field: str, value: object) -> None:
    """Set a field, or leave it out of the row where the value is ABSENT."""
    if value is ABSENT:
        row.pop(field, None)
    else:
        row[field] = value

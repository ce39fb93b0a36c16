"""Hostile worlds for hypothesis: many dirty subjects in one or two jobs of a portal.

One example is one whole run, so it holds many shapes at once. Values are drawn from
weighted pools, by which every reason of R13 and exported rows both occur often. There
are no lone surrogates, and no phones but fictional ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.reference.contacts import r9_readings
from tests.reference.interface import CONTACT_ROUTES, Portal, PortalConfig, Variables

Raw = dict[str, Any]
Values = SearchStrategy[Any]

MISSING = object()
AS_OF = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)

CONFIGS = {
    "1": PortalConfig(
        "sandbox1", "http://127.0.0.1:8808/1/api/v1", "Sandbox", "US", "USA", "webshop"
    ),
    "2": PortalConfig(
        "sandbox2",
        "http://127.0.0.1:8808/2/api/v1",
        "Sandbox",
        "CA",
        "Canada",
        "explicit",
    ),
}
"""The sandbox's portals, by their path keys."""


OTHER_ROUTES = (
    ("subject", "delivery_1"),
    ("delivery_2", "registered_user", "subject_2"),
    ("subject_2",),
)
"""Some choices of R4's routes besides the default."""


@dataclass(frozen=True)
class Example:
    """A world of one portal and what a run of it is given."""

    path_key: str
    portal: Portal
    suppressions: list[dict[str, str]]
    variables: Variables

    @property
    def config(self) -> PortalConfig:
        """The portal's row of the seed."""
        return CONFIGS[self.path_key]

    @property
    def world(self) -> Raw:
        """What a sandbox serves."""
        return {"portals": {self.path_key: self.portal}}

    @property
    def world_portals(self) -> dict[str, tuple[PortalConfig, Portal]]:
        """What `audiences` takes."""
        return {self.config.portal: (self.config, self.portal)}


# Pools of values

BLANK = ("", " ", "\t\r\n", "\x00", "\u00a0\u2003\u3000", "\x85\x1f", "\u2028")
NOT_BLANK_BUT_LOOKS_SO = ("\u200b", "\ufeff", "\u2060", "\u00ad")
WRONG_TYPES: tuple[Any, ...] = (
    True,
    False,
    [],
    {},
    ["x"],
    {"x": 1},
    [None],
    {"uuid": []},
)
NUMBERS = (0, 1, 7, -3, 4711, 7.0, 12.5, -0.0, 1e22, 1e-7, 12345678901234567890)

NAMES = (
    "Ada",
    "Ada",
    "Lind",
    "ada",
    " Ada ",
    "Ada\u00a0Lind",
    "ADA  LIND",
    "Eve\tLind\r\n",
    "Zoe\u0308",
    "Zo\u00eb",
    "ZOE\u0308",
    "Wei\u00df",
    "WEISS",
    "I\u0307lker",
    "\u0130lker",
    "\u1112\u1161\u11ab",
    "\u212bngstr\u00f6m",
    "e\u0323\u0301e\u0301\u0323",
    "O\x00Hara",
    "\x07bell\x9f",
    "\u0301mark first",
    "N/A",
    "null",
    "=1+1",
    "+Ada",
    "-Ada",
    "@Ada",
    "'=1",
    "\t=cmd",
    "\uff1d1",
    'Ada "the" Lind',
    '"',
    "Lind, Ada",
    ",",
    "a;b|c\\d",
    "Ada\rLind",
    "Ada\nLind",
    "\U0001f600",
    "\U0001f469\u200d\U0001f466",
    "\ufb01n",
    "\u0627\u062f\u0627",
    "{{ ref('x') }}",
    "$1 %s \\N",
)
GROUPS = ("3B", "3B", "3B", " 3B ", "3\u00a0B", "3 B", "3b", 3, "3", "=3B", "Zoe\u0308")

GOOD_PHONES = (
    "202-555-0101",
    "(202) 555-0101",
    "+12025550101",
    2025550101,
    "1 202 555 0102",
    "202.555.0102",
    "tel:+1-202-555-0102",
    " 202-555-0103\u00a0",
    "2025550103",
    "\x00202-555-0104\r\n",
    "+1 416 555 0105",
    "416-555-0105",
    "\uff12\uff10\uff12\uff15\uff15\uff15\uff10\uff11\uff10\uff16",
    "\u0662\u0660\u0662\u0665\u0665\u0665\u0660\u0661\u0660\u0666",
    "202-555-0107 x12",
    "202-555-0108 ext. 9",
    "cell 202-555-0109",
    "212 555 0110",
    "604/555-0111",
    "905-555-0112",
)
BAD_PHONES = (
    "N/A",
    "none",
    "call mom",
    "555-0100",
    "800-555-0199",
    "900-555-0100",
    "202-555-0101 / 202-555-0102",
    "202-555-0101 mom",
    "202\x00555\x000101",
    "202\u2028555\u20280101",
    "202\u200b555\u200b0101",
    "+",
    "++1 202 555 0101",
    "=202-555-0101",
    "0",
    "911",
    2025550101.5,
    -2025550101,
    "x" * 300,
    "\U0001f4de",
)
GOOD_EMAILS = (
    "ada@example.com",
    "Ada@Example.COM",
    " ada@example.com\r\n",
    "\u00a0eve@example.org\x00",
    "eve@example.org",
    "eve@mail.example.org",
    "O'Brien+fall@Example.org",
    "_eve.lind@xn--bcher-kva.example",
    "a!#$%&'*/=?^{|}~-@1-2.example",
    f"{'a' * 242}@example.com",
)
BAD_EMAILS = (
    "Zo\u00cb@example.net",
    "ZOE\u0308@example.net",
    "\u0130lker@example.net",
    "\u03a3\u0391\u03a3@example.net",
    "STRA\u00dfE@example.net",
    "\u1e9e@example.net",
    "\u212aim@example.org",
    "=1@example.com",
    '"a,b"@example.com',
    "a\x00b@example.com",
    "a\u200bb@example.com",
    "mailto:ada@example.com",
    "ada@example..com",
    "ada@example.c",
    "ada@example.1st",
    "ada@-example.com",
    "ada@example-.com",
    ".ada@example.com",
    f"{'a' * 243}@example.com",
    "N/A",
    "ada",
    "ada@example",
    "@example.com",
    "ada@.com",
    "ada@@example.com",
    "ada@eve@example.com",
    "ada lind@example.com",
    "ada\u00a0lind@example.com",
    "ada\u2003lind@example.com",
    "ada\x1flind@example.com",
    "ada\x85lind@example.com",
    "ada\x0blind@example.com",
    "ada@example.com eve@example.com",
    "ada@example.com;eve@example.com",
    "<ada@example.com> ",
    "\U0001f4e7",
)
RECENT = (
    "2026-02-01",
    "2026-02-01T08:30:00Z",
    "2026-02-02T00:00:00-05:00",
    "2026-02-02 00:00:00+0530",
    "2025-12-24T18:00",
    "2025-11-05T01:30:00.999999999+01",
    " 2026-01-15T10:00:00z\u00a0",
    "2026-03-01T12:00:00.123456Z",
    "2026-03-01T12:00:00.1234569Z",
    "2025-03-01T12:00:00.123456Z",
    "2025-03-01T13:00:00.123456+01:00",
)
OLD_OR_TO_COME = (
    "2025-03-01T12:00:00.123455Z",
    "2025-03-01T12:00:00",
    "2026-03-01T12:00:00.123457Z",
    "2026-03-01T12:00:01",
    "2026-03-01T23:00:00+15:59",
    "2026-03-02",
    "2024-02-29",
    "1970-01-01",
    "1000-01-01",
    "9999-12-31T23:59:59",
)
UNREADABLE = (
    "soon",
    "02/01/2026",
    "2026-02-30",
    "2025-02-29",
    "20260201",
    "2026-2-1",
    "2026-02-01T25:00:00",
    "2026-02-01T08:30:60",
    "2026-02-01T08:30:00+16:00",
    "2026-02-01T08:30:00 UTC",
    "2026-02-01t08:30:00Z",
    "2026-02-01Z",
    "2026-02-01 BC",
    "2026-02-01T08:30:00.1234567890Z",
    "1000-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59-00:01",
    "0999-01-01",
    "\u0662\u0660\u0662\u0666-02-01",
    "infinity",
    "epoch",
    "now",
    1767225600,
)
GRANTS = ("yes", "YES ", True, "1", 1, "subscribe", "Subscribed", "Opted_In")
DENIES = (
    "no",
    "\u00a0No",
    False,
    "false",
    "0",
    0,
    "Unsubscribed",
    "OPT-OUT",
    "opted_out",
    "STOP",
    "StopAll",
    "end",
    "quit",
    "Cancel",
    "revoke",
)
UNKNOWN_OR_EMPTY: tuple[Any, ...] = (
    "maybe",
    "N/A",
    "opt in",
    "y",
    "1.0",
    1.0,
    2,
    "ye\u017f",
    "SUBSCR\u0130BE",
    "NEVER_SUBSCRIBED",
    [],
    {},
)

UUIDS = tuple(f"5b0c7a1e-0d4e-4c55-9f1a-{number:012x}" for number in range(24))
ODD_UUIDS = (
    "a/b?c#d",
    "..",
    "two  words",
    "100%",
    "Zoe\u0308",
    "Zo\u00eb",
    "=1+1",
    'x,"y"',
    "cr\r\nlf",
    "UPPER",
    "upper",
    "20260001",
    "caf\u00e9&code=1",
    "\U0001f600",
)
JOB_UUIDS = (
    ("0f1d2c3b-0000-4000-8000-000000000001", "0f1d2c3b-0000-4000-8000-000000000002"),
    ("0f1d2c3b-0000-4000-8000-000000000003", "0f1d2c3b-0000-4000-8000-000000000001"),
    ("0f1d2c3b-0000-4000-8000-000000000004", "job/1?x#y"),
    ("two words", "100%"),
)
ON_SALE = (
    ("ac000000-0000-4000-8000-000000000001", "ac000000-0000-4000-8000-000000000002"),
    ("ac000000-0000-4000-8000-000000000003", "fall/2025?#1"),
)
OFF_SALE = ("ac000000-0000-4000-8000-00000000000f", "retakes")
USERS = ("u-0001", "u-0002", "U-0002", "u-0003", "user/4?", "u-0010")
IMAGES = ("im-0001", "im-0002", "im-0003", "im-0004", "im/5?")
UNKNOWN_IMAGES = ("im-9998", "im-9999")


def one_in(odds: int) -> SearchStrategy[bool]:
    """True once in so many draws."""
    return st.integers(1, odds).map(lambda number: number == odds)


def choice(values: Sequence[Any]) -> Values:
    """One of the values: sampled_from, without hashing each of a large pool."""
    return st.integers(0, len(values) - 1).map(values.__getitem__)


def weighted(*pools: tuple[int, Sequence[Any]]) -> Values:
    """A value of one of the pools, each about as likely as its weight says."""
    values: list[Any] = []
    for weight, pool in pools:
        for value in pool:
            values += [value] * max(1, round(60 * weight / len(pool)))
    return choice(values)


def fields(**strategies: Values) -> SearchStrategy[Raw]:
    """An object of fields, those that draw MISSING left out."""
    return st.fixed_dictionaries(strategies).map(
        lambda drawn: {
            name: value for name, value in drawn.items() if value is not MISSING
        }
    )


# Fields

NOTHING = (MISSING, MISSING, None, *BLANK)
DIRT = (*NOT_BLANK_BUT_LOOKS_SO, *WRONG_TYPES, *NUMBERS)

ANY_TEXT = st.text(st.characters(exclude_categories=("Cs", "Cn", "Co")), max_size=6)


def texts(values: Sequence[Any]) -> Values:
    """A free text field: mostly values, sometimes nothing, dirt or any text."""
    pool = weighted((6, values), (2, NOTHING), (1, DIRT))
    return one_in(12).flatmap(lambda any_text: ANY_TEXT if any_text else pool)


NAME = texts(NAMES)
GROUP = texts(GROUPS)
COUNTRY = weighted((1, ("Norway", " =NO ", "Zoe\u0308")), (2, NOTHING), (1, DIRT))
PHONE = weighted((5, GOOD_PHONES), (2, BAD_PHONES), (3, NOTHING), (1, DIRT))
EMAIL = weighted((5, GOOD_EMAILS), (2, BAD_EMAILS), (3, NOTHING), (1, DIRT))
DATE = weighted(
    (6, RECENT), (2, OLD_OR_TO_COME), (2, UNREADABLE), (3, NOTHING), (1, DIRT)
)
STARTING = weighted((8, RECENT), (1, OLD_OR_TO_COME), (1, UNREADABLE), (1, NOTHING))
CONSENT = weighted((5, GRANTS), (1, DENIES), (1, UNKNOWN_OR_EMPTY), (5, NOTHING))

IS_NO_DELIVERY = choice([MISSING, None, "", "202-555-0101", [], {}, True, 5])
IS_DELIVERY = fields(name=NAME, email_address=EMAIL, mobile_phone=PHONE)
DELIVERY = st.booleans().flatmap(lambda one: IS_DELIVERY if one else IS_NO_DELIVERY)

# References

NO_REFERENCE: tuple[Any, ...] = (
    None,
    "",
    " \x00",
    True,
    [],
    {},
    {"uuid": None},
    {"uuid": " "},
)


def spellings(uuids: Sequence[str]) -> list[Any]:
    """Each uuid, mostly as it is, also with white space or within an object."""
    spelled: list[Any] = []
    for uuid in uuids:
        padded = f" {uuid}\u00a0"
        spelled += [uuid, uuid, uuid, padded, {"uuid": uuid}, {"uuid": padded}]
    return spelled


@cache
def activity_reference(on_sale: tuple[str, ...]) -> Values:
    """A subject's `activity_uuid` or `activity`: mostly nothing."""
    named = spellings([*on_sale, *on_sale, *OFF_SALE, *ON_SALE[0], *ON_SALE[1]])
    return weighted((10, (MISSING,)), (5, NO_REFERENCE), (3, named))


@cache
def activity_of_image(on_sale: tuple[str, ...]) -> Values:
    """An image's activity: mostly one on sale in its job."""
    anywhere = spellings([*OFF_SALE, *ON_SALE[0], *ON_SALE[1]])
    return weighted((8, spellings(on_sale)), (1, anywhere), (1, (*NO_REFERENCE,)))


IMAGE = choice([*IMAGES, *IMAGES, *UNKNOWN_IMAGES])
IMAGE_SHAPES = (
    lambda uuid: uuid,
    lambda uuid: uuid,
    lambda uuid: f" {uuid}\r\n",
    lambda uuid: {"uuid": uuid, "url": "x"},
    lambda uuid: {"uuid": f"\t{uuid} "},
    lambda uuid: {uuid: {"url": "x"}},
    lambda uuid: {uuid: None, "im-0001": {"uuid": "im-0001"}, " ": {}},
)
ONE_IMAGE = st.builds(lambda uuid, shape: shape(uuid), IMAGE, choice(IMAGE_SHAPES))
NO_IMAGE = choice([MISSING, *NO_REFERENCE, [None, "", {}, True]])
SOME_IMAGES = st.lists(
    one_in(6).flatmap(lambda none: choice(NO_REFERENCE) if none else ONE_IMAGE),
    max_size=3,
)
IMAGE_REFERENCE = choice([ONE_IMAGE, SOME_IMAGES, SOME_IMAGES, NO_IMAGE]).flatmap(
    lambda strategy: strategy
)
RARE_IMAGE_REFERENCE = one_in(6).flatmap(
    lambda given: IMAGE_REFERENCE if given else st.just(MISSING)
)

# A job


@cache
def subjects(on_sale: tuple[str, ...]) -> SearchStrategy[Raw]:
    """One copy of a subject, without its uuid: each field as dirty as any."""
    return fields(
        external_id=NAME,
        first_name=NAME,
        last_name=NAME,
        name=NAME,
        group=GROUP,
        country=COUNTRY,
        parent_name=NAME,
        delivery_1=DELIVERY,
        delivery_2=DELIVERY,
        phone_number=PHONE,
        phone_number_2=PHONE,
        email=EMAIL,
        email_2=EMAIL,
        sms_marketing_consent=CONSENT,
        sms_marketing_timestamp=DATE,
        sms_transactional_consent=CONSENT,
        sms_transactional_timestamp=DATE,
        activity_uuid=activity_reference(on_sale),
        activity=activity_reference(on_sale),
        images=IMAGE_REFERENCE,
        group_images=RARE_IMAGE_REFERENCE,
        image=RARE_IMAGE_REFERENCE,
        favorite_image_uuid=RARE_IMAGE_REFERENCE,
        favoriteImageUuid=RARE_IMAGE_REFERENCE,
        favorite_image=RARE_IMAGE_REFERENCE,
        extra=choice([MISSING, {"a": [1]}]),
    )


BARE_SUBJECT = fields(phone_number=PHONE, images=IMAGE_REFERENCE)
"""With little against it: what makes exported rows and duplicates."""

PLACES = (
    ["buyers"],
    ["buyers"],
    ["buyers"],
    ["non_buyers"],
    ["non_buyers"],
    ["non_buyers"],
    ["buyers", "non_buyers"],
    ["buyers", "buyers"],
    ["non_buyers", "non_buyers"],
)
"""The lists that a subject's copies are on."""


def own_uuid(uuid: str) -> str | int:
    """A uuid as the portal writes it: digits alone are a number."""
    return int(uuid) if uuid.isdigit() else uuid


@st.composite
def order_lists(
    draw: DrawFn, uuids: Sequence[str], on_sale: tuple[str, ...]
) -> dict[str, list[Any]]:
    """The job's two order lists; copies of a subject differ."""
    lists: dict[str, list[Any]] = {"buyers": [], "non_buyers": []}
    for uuid in uuids:
        kind = BARE_SUBJECT if draw(one_in(4)) else subjects(on_sale)
        for place in draw(choice(PLACES)):
            lists[place].append({"uuid": own_uuid(uuid), **draw(kind)})
    return lists


@st.composite
def image_rows(draw: DrawFn, on_sale: tuple[str, ...]) -> list[Raw]:
    """The images that the job details know, some of them twice."""
    rows: list[Raw] = []
    for uuid in draw(st.lists(choice(IMAGES), min_size=3, max_size=7)):
        row: Raw = {"uuid": uuid, "activity": draw(choice([None, {}, {"uuid": ""}]))}
        field = draw(choice(["activity", "activity_uuid", "activityUuid"]))
        row[field] = draw(activity_of_image(on_sale))
        rows.append(row)
    return rows


SUBJECT_IN_DETAILS = fields(
    group=GROUP,
    phone_number=PHONE,
    activity_uuid=choice([MISSING, *OFF_SALE]),
    images=IMAGE_REFERENCE,
)


@st.composite
def details(
    draw: DrawFn, job_uuid: str, uuids: Sequence[str], on_sale: tuple[str, ...]
) -> Raw:
    """The job details in any variant."""
    known = [*draw(st.lists(choice(uuids), max_size=4, unique=True)), "only-here"]
    rows = [{"uuid": own_uuid(uuid), **draw(SUBJECT_IN_DETAILS)} for uuid in known]
    holder = {"uuid": job_uuid, **draw(fields(name=NAME))}
    if draw(st.booleans()):
        holder["subjects"] = draw(keyed_or_list(rows))
    images = draw(keyed_or_list(draw(image_rows(on_sale))))
    if draw(st.booleans()):
        return {**holder, "images": images}
    return {"job": holder, "images": images}


@st.composite
def keyed_or_list(draw: DrawFn, rows: list[Raw]) -> Any:
    """A list, or an object keyed by uuid, with the uuids inside too or not."""
    shape = draw(st.sampled_from(["list", "keyed", "keyed alone"]))
    if shape == "list":
        return rows
    keyed = {str(row["uuid"]): row for row in rows}
    if shape == "keyed":
        return keyed
    return {
        uuid: {name: value for name, value in row.items() if name != "uuid"}
        for uuid, row in keyed.items()
    }


LOGIN = fields(userUsername=EMAIL, email=EMAIL)


@st.composite
def registrations(draw: DrawFn, uuids: Sequence[str], junk: bool) -> list[Any]:
    """Registrations of a few users on the subjects, some more than once."""
    rows: list[Any] = []
    for uuid in draw(st.lists(choice(uuids), max_size=14)):
        subject = draw(choice([own_uuid(uuid), f" {uuid}\t"]))
        user = {draw(choice(["userUuid", "uuid"])): draw(choice(USERS))}
        rows.append({"subjectUuid": subject, **user, **draw(LOGIN)})
    if junk:
        rows += [{"subjectUuid": uuids[0]}, {"userUuid": USERS[0]}, {"uuid": " "}]
    return rows


ACCESS_KEYS: tuple[Any, ...] = (
    ["KEY-1"],
    ["KEY-2", "KEY-3"],
    [" K&=+ %/?#~ ", "KEY-3"],
    ["", None, '=K\u00e9,"4"'],
    [{"access_key": "KEY-5"}, {"key": "KEY-6"}],
    {"access_keys": [{"key": "KEY-7\r\n"}]},
    {"access_keys": ["K\r\n8", "KEY-9"]},
    {"data": [{"access_key": " ", "key": "KEY-10"}]},
    {"data": ["\U0001f511"]},
)
NO_ACCESS_KEYS: tuple[Any, ...] = (
    MISSING,
    [],
    ["", " \x00"],
    {"access_keys": []},
    {"data": [None, {"key": ""}]},
)
ACCESS_KEY = weighted((5, ACCESS_KEYS), (1, NO_ACCESS_KEYS))

JUNK_ROW = choice([None, "row", 5, [], {}, {"uuid": None}, {"uuid": " "}, {"uuid": []}])


@st.composite
def jobs(draw: DrawFn, job_uuid: str, on_sale: tuple[str, ...], junk: bool) -> Raw:
    """A job's answers."""
    pool = st.sampled_from([*UUIDS, *ODD_UUIDS])
    uuids = draw(st.lists(pool, min_size=10, max_size=30, unique=True))
    lists = draw(order_lists(uuids, on_sale))
    if junk:
        lists["buyers"].append(draw(JUNK_ROW))
    keys = {uuid: draw(ACCESS_KEY) for uuid in uuids}
    return {
        "details": draw(details(job_uuid, uuids, on_sale)),
        **lists,
        "registrations": draw(registrations(uuids, junk)),
        "access_keys": {uuid: key for uuid, key in keys.items() if key is not MISSING},
    }


# A portal and its run

ACTIVITY = fields(name=NAME, starting=STARTING)
JOB_OF_ACTIVITY = fields(name=NAME)


@st.composite
def activities(
    draw: DrawFn, job_uuid: str, on_sale: tuple[str, ...], junk: bool
) -> list[Any]:
    """A job's rows of the activities list, one of them perhaps twice."""
    rows: list[Any] = []
    for uuid in on_sale + on_sale[: draw(choice([0, 0, 0, 1]))]:
        job = {"uuid": job_uuid, **draw(JOB_OF_ACTIVITY)}
        rows.append({"uuid": uuid, **draw(ACTIVITY), "job": job})
    if junk:
        rows.append(draw(JUNK_ROW))
    return rows


USER = fields(name=NAME, email_address=EMAIL, phone_number=PHONE)


@st.composite
def users(draw: DrawFn) -> dict[str, Raw]:
    """Details of the users that have some."""
    known = draw(st.lists(st.sampled_from(USERS), min_size=2, unique=True))
    return {uuid: {"uuid": uuid, **draw(USER)} for uuid in known}


@st.composite
def portals(draw: DrawFn, job_uuids: Sequence[str], *, junk_rows: bool = False) -> Raw:
    """A portal of one or two jobs."""
    rows: list[Any] = []
    answers: dict[str, Raw] = {}
    for job_uuid, pool in zip(job_uuids, ON_SALE, strict=False):
        on_sale = pool[: draw(choice([1, 2, 2]))]
        rows += draw(activities(job_uuid, on_sale, junk_rows))
        answers[job_uuid] = draw(jobs(job_uuid, on_sale, junk_rows))
    return {"activities": rows, "jobs": answers, "users": draw(users())}


# A list with a line that is no phone at all stops the build.
LISTED_PHONES = tuple(
    phone
    for phone in (*GOOD_PHONES, *GOOD_PHONES, *BAD_PHONES)
    if r9_readings(str(phone), ["CA", "US"])
)
SUPPRESSION = st.one_of(
    st.tuples(st.just("sms"), choice(LISTED_PHONES)),
    st.tuples(st.just("email"), choice([*GOOD_EMAILS, *GOOD_EMAILS, *BAD_EMAILS])),
)
SUPPRESSED_AT = choice(
    ["2026-01-15T00:00:00Z", "2026-02-01", "2025-06-01T12:00:00-05:00"]
)


@st.composite
def suppression_lists(draw: DrawFn) -> list[dict[str, str]]:
    """A suppression list, short or long; text alone, as a file would hold it."""
    few = draw(choice([0, 0, 12]))
    return [
        {
            "channel": channel,
            "address": str(address),
            "suppressed_at": draw(SUPPRESSED_AT),
            "reason": "opt_out",
        }
        for channel, address in draw(st.lists(SUPPRESSION, min_size=few, max_size=24))
    ]


def variables(path_key: str, job_uuids: Sequence[str]) -> SearchStrategy[Variables]:
    """Variables, each mostly its default."""
    own = CONFIGS[path_key].portal
    other = CONFIGS["1" if path_key == "2" else "2"].portal
    return st.builds(
        Variables,
        as_of=choice([AS_OF, AS_OF, AS_OF.replace(microsecond=0)]),
        portals=weighted((12, ((), (own,), (other, own))), (1, ((other,),))),
        job_uuids=weighted((8, ((),)), (1, ((job_uuids[0],), ("none such",)))),
        groups=weighted((9, ((),)), (1, (("3B",), ("3 B", "3", "Zo\u00eb")))),
        require_images=weighted((4, (True,)), (1, (False,))),
        registered_only=choice([True, False, False]),
        contact_filter=choice(["phone", "phone", "any", "email"]),
        audience=choice(["both", "both", "both", "buyers", "non_buyers"]),
        dedup_by=choice(["activity_subject", "phone_job", "phone"]),
        consent_max_age_days=weighted((4, (365,)), (1, (0, 30, 366, 3650))),
        contact_routes=weighted((4, (CONTACT_ROUTES,)), (2, OTHER_ROUTES)),
        max_subjects_per_address=choice([10, 10, 3, 2, 0]),
        buyers_get_no_reminder=choice(["portal", "never", "job"]),
    )


@st.composite
def examples(draw: DrawFn, *, junk_rows: bool = False) -> Example:
    """A portal with a suppression list and variables that bear on it.

    `junk_rows`: with rows that cannot be landed (no uuid, no object) on its lists.
    """
    path_key = draw(choice(["1", "1", "2"]))
    job_uuids = draw(choice(JOB_UUIDS))[: draw(choice([1, 1, 2]))]
    chosen = draw(variables(path_key, job_uuids))
    suppressions = draw(suppression_lists())
    portal = draw(portals(job_uuids, junk_rows=junk_rows))
    return Example(path_key, portal, suppressions, chosen)

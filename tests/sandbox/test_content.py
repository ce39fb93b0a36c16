"""Each rule, and each reason for exclusion that data alone causes, has its subjects."""

import json
import unicodedata
from collections import Counter
from typing import Any

import pytest

from extract.sandbox import World
from tests.sandbox.raw import (
    DENIALS,
    GRANTS,
    IMAGE_FIELDS,
    NOW,
    OLDEST,
    Subject,
    access_key,
    deliveries,
    detail_rows,
    granted_at,
    has_phone,
    image_activities,
    images,
    is_reachable,
    on_sale,
    own_activities,
    phone_texts,
    read_time,
    registrations,
    sold_activities,
    subjects,
    user_of,
    users,
    word,
)

TEXTABLE_SHARE = 0.65


def consent_times(subject: Subject, *, explicit: bool) -> list[Any]:
    """The times of marketing consent in each of the subject's activities."""
    if denies(subject) or (explicit and word(subject.row) not in GRANTS):
        return []
    starts = [read_time(row["starting"]) for row in sold_activities(subject)]
    return [granted_at(subject) or start for start in starts]


def denies(subject: Subject) -> bool:
    return word(subject.row) in DENIALS


@pytest.fixture
def people(portal: Any) -> list[Subject]:
    return subjects(portal)


@pytest.fixture
def reachable(people: list[Subject]) -> list[Subject]:
    return [subject for subject in people if is_reachable(subject)]


@pytest.fixture
def explicit(world: World, portal: Any) -> bool:
    return portal is world["portals"]["2"]


# --- what excludes ---


def test_activity_not_in_webshop(world: World, people: list[Subject]) -> None:
    off_sale = [
        own_activities(s) | image_activities(s)
        for s in people
        if not sold_activities(s) and images(s) and has_phone(s)
    ]
    activities = {a["uuid"] for p in world["portals"].values() for a in p["activities"]}
    assert any(known & activities for known in off_sale)
    assert any(not known & activities for known in off_sale)


def test_no_images(people: list[Subject]) -> None:
    without = [s for s in people if not images(s) and sold_activities(s)]
    values = {repr(s.row.get(f, "absent")) for s in without for f in IMAGE_FIELDS}
    assert values >= {"'absent'", "None", "[]", "{}", "''", "{'uuid': ''}"}


def test_contact_missing(people: list[Subject]) -> None:
    missing = [s for s in people if sold_activities(s) and not phone_texts(s)]
    assert any(not users(s) and not deliveries(s) for s in missing)
    assert any(users(s) and users(s)[0]["email_address"] for s in missing)
    assert any("mobile_phone" in d for s in missing for d in deliveries(s))


def test_contact_invalid(people: list[Subject]) -> None:
    invalid = [s for s in people if sold_activities(s) and images(s)]
    invalid = [s for s in invalid if phone_texts(s) and not has_phone(s)]
    texts = {text for s in invalid for text in phone_texts(s)}
    assert texts >= {"call mom", "N/A", "800-555-0199", "555-0123", "911"}


def test_consent_denied_in_all_spellings(reachable: list[Subject]) -> None:
    denied = [s.row["sms_marketing_consent"] for s in reachable if denies(s)]
    assert {str(value).strip().lower() for value in denied} == DENIALS
    assert any(value is False for value in denied)
    assert any(value == 0 and value is not False for value in denied)


def test_consent_missing(reachable: list[Subject], explicit: bool) -> None:
    allowed = [s for s in reachable if not denies(s)]
    times = [t for s in allowed for t in consent_times(s, explicit=explicit)]
    assert any(time and time > NOW for time in times)
    assert None in times
    silent = [s for s in allowed if not consent_times(s, explicit=explicit)]
    assert bool(silent) == explicit


def test_consent_expired(reachable: list[Subject], explicit: bool) -> None:
    times = [t for s in reachable for t in consent_times(s, explicit=explicit)]
    assert any(granted_at(s) and granted_at(s) in times for s in reachable)
    expired = [time for time in times if time and time < OLDEST]
    granted = [granted_at(s) for s in reachable]
    assert any(time in granted for time in expired)
    # Under the webshop basis an old activity is enough.
    assert explicit or any(time not in granted for time in expired)


def test_access_key_missing(reachable: list[Subject]) -> None:
    without = [s for s in reachable if not access_key(s)]
    answers = [s.job["access_keys"].get(s.row["uuid"]) for s in without]
    assert None in answers
    assert [] in answers
    assert {"data": []} in answers
    assert any(isinstance(answer, list) and answer for answer in answers)


def test_most_subjects_are_exportable(people: list[Subject], explicit: bool) -> None:
    exportable = [
        s
        for s in people
        if is_reachable(s)
        and access_key(s)
        and any(t and OLDEST < t < NOW for t in consent_times(s, explicit=explicit))
    ]
    assert TEXTABLE_SHARE < len(exportable) / len(people) < 0.85


# --- the rules, one by one ---


def test_r1_resolution(people: list[Subject], explicit: bool) -> None:
    direct = [own_activities(s) & set(on_sale(s)) for s in people]
    by_image = [image_activities(s) & set(on_sale(s)) for s in people]
    pairs = list(zip(direct, by_image, strict=True))
    assert any(own and not image for own, image in pairs)
    assert any(image and not own for own, image in pairs)
    assert any(own and image - own for own, image in pairs)
    nothing = [s for s in people if not own_activities(s) | image_activities(s)]
    assert any(images(s) and has_phone(s) for s in nothing)
    shapes = {type(s.row.get("activity")) for s in people}
    assert shapes >= {str, dict, type(None)}
    assert any(s.row.get("activity_uuid") for s in people)


def test_r1_a_subject_names_at_most_one_activity(people: list[Subject]) -> None:
    assert {len(own_activities(subject)) for subject in people} == {0, 1}


def test_r1_activities_of_a_job(portal: Any) -> None:
    counts = Counter(row["job"]["uuid"] for row in portal["activities"])
    assert set(counts.values()) >= {2, 3}
    starts = [row["starting"] for row in portal["activities"]]
    assert None in starts
    forms = [start for start in starts if start]
    assert any(len(start) == len("2026-01-01") for start in forms)
    assert any(start.endswith("Z") for start in forms)
    assert any(start[-6:] == "-05:00" for start in forms)
    assert any(start[19:] == "" and "T" in start for start in forms)
    assert any(time > NOW for time in map(read_time, forms) if time)
    assert any(time < OLDEST for time in map(read_time, forms) if time)


def test_r1_images_that_the_job_details_do_not_know(people: list[Subject]) -> None:
    known = {row["uuid"] for s in people for row in detail_rows(s.job, "images")}
    assert any(images(s) and not images(s) & known for s in people)
    assert any(images(s) & known and images(s) - known for s in people)


def test_r1_copies_differ(portal: Any, people: list[Subject]) -> None:
    def listed(name: str) -> list[Any]:
        return [row for job in portal["jobs"].values() for row in job[name]]

    buyers = {row["uuid"]: row for row in listed("buyers")}
    both = [(buyers[r["uuid"]], r) for r in listed("non_buyers") if r["uuid"] in buyers]
    assert any(one["group"] != other["group"] for one, other in both)
    rows = [row["uuid"] for row in (*listed("buyers"), *listed("non_buyers"))]
    assert len(rows) > len(set(rows)) + len(both)
    last = [(s.row.get("group"), s.copies[-1].get("group")) for s in people]
    assert (None, "Details") in last


def test_r1_subjects_that_only_the_details_know(portal: Any) -> None:
    listed = {s.row["uuid"] for s in subjects(portal)}
    jobs = portal["jobs"].values()
    known = {row["uuid"] for job in jobs for row in detail_rows(job, "subjects")}
    registered = {row["subjectUuid"] for job in jobs for row in job["registrations"]}
    assert known - listed
    assert registered - listed <= known
    assert registered - listed


def test_r1_image_references_in_all_fields_and_shapes(people: list[Subject]) -> None:
    def shape(value: Any) -> str:
        if isinstance(value, list):
            return "list of " + "/".join(sorted({shape(v) for v in value if v}))
        if isinstance(value, dict):
            return "object" if "uuid" in value else "keyed"
        return type(value).__name__

    rows = [s.row for s in people]
    seen = {(f, shape(row[f])) for row in rows for f in IMAGE_FIELDS if f in row}
    shapes = ["str", "object", "keyed", "list of str", "list of object"]
    shapes.append("list of keyed")
    assert seen >= {(field, form) for field in IMAGE_FIELDS for form in shapes}


def test_r3_users(people: list[Subject]) -> None:
    assert any(len(registrations(s)) > 2 for s in people)
    assert any(registrations(s) and not users(s) for s in people)
    accounts = [user for s in people for user in users(s)]
    assert any(user["phone_number"] == "800-555-0199" for user in accounts)
    fields = {frozenset(row) for s in people for row in registrations(s)}
    named = {"userUuid", "uuid", "userUsername", "email"}
    assert set().union(*fields) >= named
    fallbacks = [
        row
        for s in people
        for row in registrations(s)
        for user in users(s)
        if user["uuid"] == user_of(row) and not user["email_address"]
    ]
    assert any((row.get("email") or row.get("userUsername")) for row in fallbacks)


def test_r3_one_user_of_several_subjects(portal: Any) -> None:
    jobs = portal["jobs"].values()
    rows = [(row, id(job)) for job in jobs for row in job["registrations"]]
    homes: dict[str, set[tuple[str, int]]] = {}
    for row, job in rows:
        homes.setdefault(user_of(row), set()).add((row["subjectUuid"], job))
    assert any(len({job for _, job in subjects}) > 1 for subjects in homes.values())
    assert any(
        len(subjects) > len({job for _, job in subjects}) for subjects in homes.values()
    )


def test_r4_routes_and_deliveries(people: list[Subject]) -> None:
    values = [
        s.row.get(f, "absent") for s in people for f in ("delivery_1", "delivery_2")
    ]
    assert None in values
    assert {"absent", ""} <= {value for value in values if isinstance(value, str)}
    assert [] in values
    assert {} in values
    objects = [value for value in values if isinstance(value, dict)]
    full = {"name", "email_address", "mobile_phone"}
    assert any(0 < len(value) < len(full) for value in objects)
    assert any(set(value) == full and all(value.values()) for value in objects)
    own = [s for s in people if not deliveries(s) and not users(s)]
    assert any(s.row.get("phone_number") for s in own)
    assert any(s.row.get("phone_number_2") and has_phone(s) for s in own)
    useless = [s for s in people if has_phone(s) and "call mom" in phone_texts(s)]
    assert useless


def test_r5_phones_in_all_formats(people: list[Subject]) -> None:
    rows = [s.row for s in people]
    values = [d.get("mobile_phone") for s in people for d in deliveries(s)]
    assert any(isinstance(value, int) and value > 10**9 for value in values)
    texts = [str(value) for value in values if value]
    for sign in ("(", ".", "[", "+1", "ext.", " x4", "\u00a0", "\n", "tel:", "/"):
        assert any(sign in text for text in texts), sign
    assert any(isinstance(row.get("phone_number"), int) for row in rows)


def test_r6_emails_in_all_formats(people: list[Subject]) -> None:
    values = [d.get("email_address") for s in people for d in deliveries(s)]
    values += [user["email_address"] for s in people for user in users(s)]
    mails = [value for value in values if isinstance(value, str)]
    assert any(mail != mail.strip() and "@" in mail for mail in mails)
    assert any(mail != mail.lower() for mail in mails)
    assert any("@" not in mail and mail.strip() for mail in mails)
    assert any(mail.count("@") > 1 for mail in mails)


def test_r7_hostile_text(people: list[Subject]) -> None:
    fields = ("first_name", "last_name", "parent_name", "group", "external_id")
    values = [s.row.get(field) for s in people for field in fields]
    texts = [value for value in values if isinstance(value, str)]
    for sign in (*"\",\n\t'{\\", ";--", "\u00a0", "\x07", "\U0001f469"):
        assert any(sign in text for text in texts), repr(sign)
    assert {text[:1] for text in texts} >= set("=+-@")
    assert any(unicodedata.normalize("NFC", text) != text for text in texts)
    assert {type(value) for value in values} >= {
        bool,
        int,
        float,
        list,
        dict,
        type(None),
    }
    assert any("first_name" in s.row and "group" not in s.row for s in people)


def test_no_text_has_a_nul(world: World) -> None:
    assert "\\u0000" not in json.dumps(world)


def test_r7_parents_named_as_the_child(people: list[Subject]) -> None:
    def child(s: Subject) -> str:
        return f"{s.row.get('first_name')} {s.row.get('last_name')}".casefold()

    def folded(value: object) -> str:
        return " ".join(str(value).split()).casefold()

    by_user = [s for s in people for u in users(s) if folded(u["name"]) == child(s)]
    by_delivery = [
        d["name"]
        for s in people
        for d in deliveries(s)
        if folded(d.get("name")) == child(s)
    ]
    assert by_user
    assert by_delivery
    assert any(name != " ".join(name.split()).title() for name in by_delivery)


def test_r7_names_of_jobs(portal: Any) -> None:
    names = {row["job"]["uuid"]: row["job"]["name"] for row in portal["activities"]}
    jobs = portal["jobs"].items()
    details = {k: job["details"].get("job", job["details"])["name"] for k, job in jobs}
    assert any(names[key] and not details[key] for key in names)
    assert any(details[key] and not names[key] for key in names)


@pytest.mark.parametrize("kind", ["marketing", "transactional"])
def test_r8_grants_in_all_spellings(people: list[Subject], kind: str) -> None:
    assert {word(s.row, kind) for s in people} >= GRANTS
    values = [s.row.get(f"sms_{kind}_consent") for s in people]
    assert any(value is True for value in values)
    assert any(value == 1 and value is not True for value in values)


@pytest.mark.parametrize("kind", ["marketing", "transactional"])
def test_r8_timestamps(people: list[Subject], kind: str) -> None:
    values = [s.row.get(f"sms_{kind}_timestamp") for s in people]
    times = [read_time(value) for value in values]
    assert any(
        time and value != value.strip()
        for time, value in zip(times, values, strict=True)
    )
    unreadable = [v for v, time in zip(values, times, strict=True) if v and not time]
    assert any(isinstance(value, str) for value in unreadable)
    assert any(not isinstance(value, str) for value in unreadable)
    assert None in values
    assert any(f"sms_{kind}_timestamp" not in s.row for s in people)


def test_r8_words_without_a_meaning(people: list[Subject]) -> None:
    values = [s.row.get("sms_transactional_consent") for s in people]
    silent = {repr(v) for v in values if str(v).strip().lower() not in GRANTS | DENIALS}
    assert silent >= {"'maybe'", "'y'", "[]", "{}", "''", "None", "2"}


def test_r10_access_keys(people: list[Subject]) -> None:
    answers = [s.job["access_keys"].get(s.row["uuid"]) for s in people]
    lists = [answer for answer in answers if isinstance(answer, list) and answer]
    firsts = [answer[0] for answer in lists]
    assert any(isinstance(first, str) and first for first in firsts)
    assert any(isinstance(first, dict) and first.get("key") for first in firsts)
    assert any(isinstance(first, dict) and first.get("access_key") for first in firsts)
    assert any(not first and len(a) > 1 for first, a in zip(firsts, lists, strict=True))
    under = {key for answer in answers if isinstance(answer, dict) for key in answer}
    assert under == {"access_keys", "data"}
    keys = [key for s in people for key in access_key(s)[:1]]
    for sign in ("/", "+", " ", "&", "?", "#", "%", "\u00e9"):
        assert any(sign in key.strip() for key in keys), sign


@pytest.mark.parametrize("within_job", [True, False])
def test_r12_phones_that_subjects_share(portal: Any, within_job: bool) -> None:
    """Two subjects with one first phone, in one audience of a job or of the portal."""
    seen: Counter[tuple[str, str, str]] = Counter()
    for uuid, job in portal["jobs"].items():
        for name in ("buyers", "non_buyers"):
            rows = {row["uuid"]: row for row in job[name]}
            for row in rows.values():
                phones = phone_texts(Subject(portal, job, [row]))
                digits = "".join(c for c in phones[0] if c.isdigit()) if phones else ""
                if len(digits) in {10, 11} and "555" in digits:
                    seen[uuid if within_job else "", name, digits[-10:]] += 1
    assert max(seen.values()) > 1


# --- the job details ---


def test_details_come_in_all_layouts(portal: Any) -> None:
    seen = set()
    for job in portal["jobs"].values():
        details = job["details"]
        inner = details.get("job", {})
        place = "top" if "subjects" in details else "job" if "subjects" in inner else ""
        found = details.get("subjects", inner.get("subjects"))
        seen |= {
            ("uuid", "job" if "uuid" in inner else "top"),
            ("subjects", place, type(found)),
            ("images", type(details["images"])),
        }
    assert seen == {
        *(("uuid", "job"), ("uuid", "top")),
        *(("images", dict), ("images", list)),
        ("subjects", "", type(None)),
        *(
            ("subjects", place, kind)
            for place in ("top", "job")
            for kind in (dict, list)
        ),
    }


def test_images_name_their_activity_in_all_ways(portal: Any) -> None:
    jobs = portal["jobs"].values()
    rows = [row for job in jobs for row in detail_rows(job, "images")]
    fields = {"activity", "activity_uuid", "activityUuid"}
    assert {key for row in rows for key in row if row[key]} >= fields
    assert any(not fields & set(row) for row in rows)


def test_extra_fields(people: list[Subject]) -> None:
    assert all({"year", "tags"} <= set(s.row) for s in people)

"""Every shape that portals send, and what becomes of unknown ones."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract import shapes
from extract.jsontext import RowError, parse
from extract.landing import SCHEMA
from extract.shapes import ShapeError
from extract.staging import encode

NAMES = "uuid name data job subjects images next meta results success key activity"
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES.split()),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)
NOT_TEXT: list[Any] = [None, True, False, [], ["x"], {}, {"x": "y"}]


def number(literal: str) -> Any:
    """Parse a number as in an answer."""
    return parse(literal.encode())


# Envelopes and pages


@pytest.mark.parametrize(
    "body",
    [
        [{"uuid": "a"}],
        {"data": [{"uuid": "a"}]},
        {"success": True, "data": [{"uuid": "a"}]},
        {"results": [{"uuid": "a"}], "meta": []},
        {"data": [{"uuid": "a"}], "meta": {"next": None}},
        {"data": [{"uuid": "a"}], "meta": {"next": ""}, "next": None},
        {"data": [{"uuid": "a"}], "meta": None, "next": " "},
    ],
)
def test_a_list_is_found_in_any_envelope(body: Any) -> None:
    assert shapes.read_page(body) == shapes.Page([{"uuid": "a"}], None)


@pytest.mark.parametrize(
    "body",
    [
        {"data": [], "meta": {"next": "/x?page=2"}},
        {"results": [], "next": "/x?page=2"},
        {"data": [], "meta": {"next": ""}, "next": "/x?page=2"},
        {"data": [], "meta": {"next": "/x?page=2"}, "next": "/other"},
    ],
)
def test_the_next_page_is_at_meta_next_or_next(body: Any) -> None:
    assert shapes.read_page(body) == shapes.Page([], "/x?page=2")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "no list"),
        ({"uuid": "a"}, "no list"),
        ({"data": {}}, "data is not a list"),
        ({"data": None}, "data is not a list"),
        ({"results": "x"}, "results is not a list"),
        ({"success": False, "data": []}, "success is false"),
        ({"data": [], "next": 2}, "next is not a text"),
        ({"data": [], "meta": {"next": {}}}, "next is not a text"),
        (None, "neither an object nor a list"),
        ("x", "neither an object nor a list"),
        (1, "neither an object nor a list"),
    ],
)
def test_a_page_of_an_unknown_shape_is_refused(body: Any, reason: str) -> None:
    with pytest.raises(ShapeError, match=reason):
        shapes.read_page(body)


# Job details


@pytest.mark.parametrize("envelope", ["bare", "data", "success"])
@pytest.mark.parametrize("level", ["top", "job"])
@pytest.mark.parametrize("kind", ["object", "list"])
def test_job_details_are_read_wherever_they_are(
    envelope: str, level: str, kind: str
) -> None:
    items: dict[str, Any] = {"s1": {"uuid": "s1"}, "s2": {"first_name": "x"}}
    members = items if kind == "object" else list(items.values())
    job: Any = {"uuid": "j", "name": " Name\n", "subjects": members, "images": members}
    job = {"job": job, "extra": 1} if level == "job" else job
    body = {
        "bare": job,
        "data": {"data": job},
        "success": {"success": True, "data": job},
    }
    found = shapes.read_job_details(body[envelope])
    assert found.name == " Name\n"
    names = items if kind == "object" else (None, None)
    expected = list(zip(names, items.values(), strict=True))
    assert [*found.subjects] == [*found.images] == expected
    own = {"uuid": "j", "name": " Name\n"}
    assert found.payload == ({"job": own, "extra": 1} if level == "job" else own)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"uuid": "j", "name": "top", "job": {"name": "inner"}}, "top"),
        ({"uuid": "j", "name": " ", "job": {"name": "inner"}}, "inner"),
        ({"name": True, "job": "text"}, None),
        ({"uuid": "j"}, None),
        ({"name": number("1.10")}, "1.10"),
        ({"uuid": "j", "name": "top", "data": {"name": "extra"}}, "top"),
    ],
)
def test_a_job_has_the_first_name_that_is_not_blank(
    body: Any, name: str | None
) -> None:
    assert shapes.read_job_details(body).name == name


@pytest.mark.parametrize("empty", [None, [], {}])
def test_a_job_can_lack_subjects_and_images(empty: Any) -> None:
    details = shapes.read_job_details({"uuid": "j", "subjects": empty, "images": empty})
    assert ([*details.subjects], [*details.images]) == ([], [])
    details = shapes.read_job_details({"job": {"uuid": "j"}})
    assert ([*details.subjects], [*details.images]) == ([], [])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ([], "neither an object nor"),
        ({}, "no object of the expected"),
        ({"error": "x"}, "no object of the expected"),
        ({"data": []}, "no object of the expected"),
        ({"data": {"error": "x"}}, "no object of the expected"),
        ({"success": False, "uuid": "j"}, "success is false"),
        ({"uuid": "j", "subjects": "x"}, "subjects is neither"),
        ({"uuid": "j", "images": 3}, "images is neither"),
        ({"job": {"subjects": False}}, "subjects is neither"),
    ],
)
def test_job_details_of_an_unknown_shape_are_refused(body: Any, reason: str) -> None:
    with pytest.raises(ShapeError, match=reason):
        shapes.read_job_details(body)


# Activities


def test_an_activity_becomes_a_row() -> None:
    raw = {
        "uuid": "a",
        "name": " N",
        "starting": "2026-01-02",
        "job": {"uuid": "j", "name": "Job"},
        "new": [1],
    }
    assert shapes.activity_row(raw, 7) == {
        "activity_uuid": "a",
        "name": " N",
        "starting": "2026-01-02",
        "job_uuid": "j",
        "job_name": "Job",
        "position": 7,
        "payload": raw,
    }


def test_dirty_fields_of_an_activity_become_null() -> None:
    raw = {"uuid": 17, "name": [], "starting": None, "job": "j"}
    row = shapes.activity_row(raw, 0)
    assert (row["activity_uuid"], row["job_uuid"]) == ("17", "j")
    assert row["name"] is row["starting"] is row["job_name"] is None


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({"job": {"uuid": "j"}}, "no activity uuid"),
        ({"uuid": " ", "job": {"uuid": "j"}}, "no activity uuid"),
        ({"uuid": True, "job": {"uuid": "j"}}, "no activity uuid"),
        ({"uuid": "a" * 600, "job": {"uuid": "j"}}, "longer than 512"),
        ({"uuid": "a"}, "no job uuid"),
        ({"uuid": "a", "job": {}}, "no job uuid"),
        (None, "not an object"),
        ("a", "not an object"),
    ],
)
def test_an_activity_without_a_key_is_refused(raw: Any, reason: str) -> None:
    with pytest.raises(RowError, match=reason):
        shapes.activity_row(raw, 0)


@pytest.mark.parametrize(
    ("raw", "job"),
    [({"job": {"uuid": "j"}}, "j"), ({"job": 3}, "3"), ({}, None), ([], None)],
)
def test_the_job_of_an_activity_is_found_or_not(raw: Any, job: str | None) -> None:
    assert shapes.job_of(raw) == job


# Images


@pytest.mark.parametrize(
    ("raw", "activity"),
    [
        ({"activity": {"uuid": "a"}}, "a"),
        ({"activity": "a"}, "a"),
        ({"activity_uuid": "a"}, "a"),
        ({"activityUuid": "a"}, "a"),
        ({"activity": {"uuid": " "}, "activity_uuid": None, "activityUuid": 5}, "5"),
        ({"activity": []}, None),
        ({}, None),
    ],
)
def test_an_image_names_its_activity_in_any_field(
    raw: Any, activity: str | None
) -> None:
    row = shapes.image_row("j", (None, {"uuid": "i", **raw}), 2)
    assert row == {
        "job_uuid": "j",
        "image_uuid": "i",
        "activity_uuid": activity,
        "position": 2,
        "payload": {"uuid": "i", **raw},
    }


@pytest.mark.parametrize(
    ("member", "key"),
    [(("i", {}), "i"), (("i", {"uuid": "x"}), "x"), (("i", {"uuid": None}), "i")],
)
def test_an_image_in_an_object_has_its_key(member: Any, key: str) -> None:
    assert shapes.image_row("j", member, 0)["image_uuid"] == key


@pytest.mark.parametrize("member", [(None, {}), (None, "i"), ("i", None), ("", {})])
def test_an_image_without_a_key_is_refused(member: Any) -> None:
    with pytest.raises(RowError):
        shapes.image_row("j", member, 0)


# Subjects


def subject(**fields: Any) -> shapes.Row:
    """Return the row of a subject with these fields."""
    return shapes.subject_row("j", "buyers", (None, {"uuid": "s", **fields}), 3)


def test_a_whole_subject_becomes_a_row() -> None:
    texts = {name: f" {name}\n" for name in shapes.SUBJECT_TEXTS}
    consents = dict.fromkeys(shapes.SUBJECT_CONSENTS, "Yes")
    one = {"name": "P", "email_address": "p@example.com", "mobile_phone": "x", "z": 1}
    raw = {
        "uuid": "s",
        **texts,
        **consents,
        "group": "G",
        "delivery_1": one,
        "delivery_2": {},
        "activity_uuid": "a1",
        "activity": {"uuid": "a2"},
        "images": ["i1"],
        "unknown": {"deep": [1, 2]},
    }
    row = shapes.subject_row("j", "buyers", (None, raw), 3)
    assert list(row) and set(row) | {"fetched_at"} == set(SCHEMA["subjects"])
    assert row == {
        "job_uuid": "j",
        "subject_uuid": "s",
        "listed_in": "buyers",
        "position": 3,
        **texts,
        **consents,
        "group_name": "G",
        "delivery_1": {k: one[k] for k in ("name", "email_address", "mobile_phone")},
        "delivery_2": {"name": None, "email_address": None, "mobile_phone": None},
        "activity_uuid": "a1",
        "activity": "a2",
        "image_uuids": ["i1"],
        "payload": raw,
    }


@pytest.mark.parametrize("field", shapes.SUBJECT_TEXTS)
def test_a_text_field_takes_text_and_numbers_and_nothing_else(field: str) -> None:
    assert subject(**{field: ""})[field] == ""
    assert subject(**{field: " N/A\t"})[field] == " N/A\t"
    for literal in ("0", "-17", "1.10", "1e400", "20255501234567890123"):
        assert subject(**{field: number(literal)})[field] == literal
    for value in NOT_TEXT:
        assert subject(**{field: value})[field] is None
    assert subject()[field] is None


@pytest.mark.parametrize("field", shapes.SUBJECT_CONSENTS)
def test_a_consent_field_takes_booleans_as_words(field: str) -> None:
    assert subject(**{field: True})[field] == "true"
    assert subject(**{field: False})[field] == "false"
    assert subject(**{field: 1})[field] == "1"
    assert subject(**{field: " Opt_In "})[field] == " Opt_In "
    nothing: list[Any] = [None, [], {}]
    for value in nothing:
        assert subject(**{field: value})[field] is None


@pytest.mark.parametrize("value", [None, "", "x", [], [{}], 1, True])
def test_a_delivery_that_is_not_an_object_is_null(value: Any) -> None:
    row = subject(delivery_1=value, delivery_2=value)
    assert row["delivery_1"] is row["delivery_2"] is None


@pytest.mark.parametrize(
    ("value", "uuid"),
    [
        ("a", "a"),
        (7, "7"),
        ({"uuid": "a"}, "a"),
        ({"uuid": 7}, "7"),
        ({"uuid": {"uuid": "a"}}, None),
        (" a ", " a "),
        ("", None),
        (" \n", None),
        ({}, None),
        ([], None),
        (True, None),
        (None, None),
    ],
)
def test_an_activity_of_a_subject_is_a_uuid_in_any_form(
    value: Any, uuid: str | None
) -> None:
    row = subject(activity_uuid=value, activity=value)
    assert row["activity_uuid"] == row["activity"] == uuid


@pytest.mark.parametrize("field", shapes.IMAGE_FIELDS)
@pytest.mark.parametrize(
    ("value", "uuids"),
    [
        ("i", ["i"]),
        (5, ["5"]),
        ({"uuid": "i"}, ["i"]),
        ({"uuid": None, "url": "x"}, []),
        ({"i": {"uuid": "i"}, "k": None, " ": {}}, ["i", "k"]),
        (["i", {"uuid": "k"}, {"l": {}, "m": 1}, ["n"]], ["i", "k", "l", "m", "n"]),
        (["i", "i", {"uuid": "i"}], ["i"]),
        ([None, "", " ", True, {}, []], []),
        (None, []),
        (False, []),
    ],
)
def test_images_are_referred_to_in_any_form(
    field: str, value: Any, uuids: list[str]
) -> None:
    assert subject(**{field: value})["image_uuids"] == uuids


def test_the_six_image_fields_are_merged_in_order() -> None:
    fields = {name: f"i{n}" for n, name in enumerate(reversed(shapes.IMAGE_FIELDS))}
    assert subject(**fields)["image_uuids"] == ["i5", "i4", "i3", "i2", "i1", "i0"]
    assert subject(images=["b", "a"], favorite_image="b")["image_uuids"] == ["b", "a"]


@pytest.mark.parametrize(
    ("member", "key"),
    [
        (("k", {"uuid": "s"}), "s"),
        (("k", {}), "k"),
        (("k", {"uuid": ""}), "k"),
        ((None, {"uuid": 12}), "12"),
        ((None, {"uuid": {"uuid": "s"}}), "s"),
    ],
)
def test_a_subject_has_its_uuid_or_else_its_key(member: Any, key: str) -> None:
    row = shapes.subject_row("j", "job_details", member, 0)
    assert row["subject_uuid"] == key


@pytest.mark.parametrize(
    ("fields", "reachable"),
    [
        ({}, False),
        ({"phone_number": " \t"}, False),
        ({"phone_number": True, "email": []}, False),
        ({"phone_number": "N/A"}, True),
        ({"phone_number": 5550100}, True),
        ({"phone_number_2": "x"}, True),
        ({"email": "x"}, True),
        ({"email_2": "x"}, True),
        ({"delivery_1": {"name": "x"}}, False),
        ({"delivery_1": {"mobile_phone": "x"}}, True),
        ({"delivery_2": {"email_address": "x"}}, True),
        ({"delivery_2": "x@example.com"}, False),
    ],
)
def test_any_text_on_any_route_makes_a_subject_reachable(
    fields: Any, reachable: bool
) -> None:
    assert shapes.is_reachable(subject(**fields)) is reachable


# Registrations, users, access keys


@pytest.mark.parametrize(
    "raw",
    [
        {"subjectUuid": "s", "userUuid": "u", "userUsername": "e"},
        {"subjectUuid": "s", "uuid": "u", "email": "e"},
        {"subjectUuid": {"uuid": "s"}, "userUuid": "", "uuid": "u", "email": "e"},
        {"subjectUuid": "s", "userUuid": "u", "userUsername": " ", "email": "e"},
        {"subjectUuid": "s", "userUuid": "u", "userUsername": "\x00", "email": "e"},
        {"subjectUuid": "s", "userUuid": "u", "uuid": "x", "userUsername": "e"},
    ],
)
def test_a_registration_becomes_a_row(raw: Any) -> None:
    assert shapes.registration_row("j", raw, 4) == {
        "job_uuid": "j",
        "subject_uuid": "s",
        "user_uuid": "u",
        "email": "e",
        "position": 4,
        "payload": raw,
    }


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({"userUuid": "u"}, "no subject uuid"),
        ({"subjectUuid": "s"}, "no user uuid"),
        ({"subjectUuid": "s", "userUuid": {}, "uuid": None}, "no user uuid"),
        ([], "not an object"),
    ],
)
def test_a_registration_without_a_key_is_refused(raw: Any, reason: str) -> None:
    with pytest.raises(RowError, match=reason):
        shapes.registration_row("j", raw, 0)


@pytest.mark.parametrize(
    "body",
    [
        {"uuid": "u", "name": "N", "email_address": "e", "phone_number": 5550100},
        {"data": {"name": "N", "email_address": "e", "phone_number": 5550100}},
    ],
)
def test_a_user_becomes_a_row_under_the_uuid_that_was_asked_for(body: Any) -> None:
    raw = shapes.read_user(body)
    assert shapes.user_row("asked", raw) == {
        "user_uuid": "asked",
        "name": "N",
        "email_address": "e",
        "phone_number": "5550100",
        "is_gone": False,
        "payload": raw,
    }


@pytest.mark.parametrize("body", [[], {}, {"error": "x"}, {"data": None}, None])
def test_a_user_of_an_unknown_shape_is_refused(body: Any) -> None:
    with pytest.raises(ShapeError):
        shapes.read_user(body)


@pytest.mark.parametrize(
    ("body", "keys"),
    [
        (["A", "B"], ["A", "B"]),
        ({"access_keys": ["A"]}, ["A"]),
        ({"data": ["A"]}, ["A"]),
        ({"results": ["A"]}, ["A"]),
        ({"success": True, "data": {"access_keys": ["A"]}}, ["A"]),
        ([{"access_key": "A"}, {"key": "B"}], ["A", "B"]),
        ([{"access_key": "", "key": "B"}, {"access_key": "A", "key": "B"}], ["B", "A"]),
        ([" A\n", 1234], [" A\n", "1234"]),
        (["", " ", None, True, {"key": None}, {}], []),
        ([], []),
        ({"data": []}, []),
    ],
)
def test_access_keys_are_found_in_any_form(body: Any, keys: list[str]) -> None:
    assert shapes.access_keys_row("j", "s", shapes.read_access_keys(body)) == {
        "job_uuid": "j",
        "subject_uuid": "s",
        "access_keys": keys,
        "payload": body,
    }


@pytest.mark.parametrize("body", [{}, {"access_keys": "A"}, "A", None, {"data": None}])
def test_access_keys_of_an_unknown_shape_are_refused(body: Any) -> None:
    with pytest.raises(ShapeError):
        shapes.read_access_keys(body)


def test_an_access_key_of_an_unknown_shape_is_refused() -> None:
    with pytest.raises(RowError, match="an object without a key"):
        shapes.access_keys_row("j", "s", shapes.read_access_keys([{"code": "A"}]))


# Anything at all


@given(ANY)
def test_any_answer_is_read_or_refused(body: Any) -> None:
    for read in (
        shapes.read_page,
        shapes.read_job_details,
        shapes.read_user,
        shapes.read_access_keys,
    ):
        try:
            read(body)
        except ShapeError as error:
            assert str(error)


SUBJECT_FIELDS = (
    *("uuid", "group", "delivery_1", "delivery_2", "activity", "activity_uuid"),
    *shapes.SUBJECT_TEXTS,
    *shapes.SUBJECT_CONSENTS,
    *shapes.IMAGE_FIELDS,
)


@given(st.dictionaries(st.sampled_from(SUBJECT_FIELDS), ANY) | ANY)
def test_any_row_is_landed_under_its_columns_or_refused(raw: Any) -> None:
    builds: dict[str, Callable[[], shapes.Row]] = {
        "activities": partial(shapes.activity_row, raw, 0),
        "images": partial(shapes.image_row, "j", (None, raw), 0),
        "subjects": partial(shapes.subject_row, "j", "buyers", (None, raw), 0),
        "registrations": partial(shapes.registration_row, "j", raw, 0),
    }
    for entity, build in builds.items():
        try:
            row = build()
        except RowError:
            continue
        assert {*row, "fetched_at"} == set(SCHEMA[entity])
        for column, kind in SCHEMA[entity].items():
            if kind == "VARCHAR" and column != "payload":
                assert isinstance(row[column], str | None)
        assert encode(row)

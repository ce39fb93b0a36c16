"""The API's shape variants."""

import pytest

from tests.reference.shapes import (
    access_keys,
    image_activity,
    image_references,
    in_details,
    job_name,
    registration_email,
    uuid_of,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("u1", "u1"),
        (" u1\u00a0", "u1"),
        ({"uuid": "u1"}, "u1"),
        (17, "17"),
        ({"uuid": 17}, "17"),
        (True, ""),
        (None, ""),
        ([], ""),
        ({}, ""),
        (["u1"], ""),
    ],
)
def test_uuid(value: object, expected: str) -> None:
    assert uuid_of(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("i1", {"i1"}),
        ({"uuid": "i1", "url": "x"}, {"i1"}),
        ({"i1": {"url": "x"}, "i2": None}, {"i1", "i2"}),
        (["i1", {"uuid": "i2"}, {"i3": {}, "i4": {}}], {"i1", "i2", "i3", "i4"}),
        ([" i1 ", "", None, True, {"uuid": " "}, {}], {"i1"}),
        ({"uuid": None, "url": "x"}, set()),
        ({" ": {}}, set()),
        (None, set()),
        (False, set()),
        ("", set()),
        ([], set()),
        (5, {"5"}),
    ],
)
def test_image_references(value: object, expected: set[str]) -> None:
    assert image_references({"images": value}) == expected


def test_image_references_are_united_over_all_six_fields() -> None:
    subject: dict[str, object] = {
        "images": ["i1"],
        "group_images": {"i2": {}},
        "image": {"uuid": "i3"},
        "favorite_image_uuid": "i4",
        "favoriteImageUuid": "i5",
        "favorite_image": "i6",
        "other_image": "i7",
    }
    assert image_references(subject) == {"i1", "i2", "i3", "i4", "i5", "i6"}


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ({"activity": {"uuid": "a1"}}, "a1"),
        ({"activity": None, "activity_uuid": " a2 "}, "a2"),
        ({"activity": {}, "activity_uuid": "", "activityUuid": "a3"}, "a3"),
        ({"uuid": "i1"}, ""),
    ],
)
def test_image_activity(image: dict[str, object], expected: str) -> None:
    assert image_activity(image) == expected


@pytest.mark.parametrize(
    "details",
    [
        {"subjects": {"s1": {"image": "i1"}}},
        {"subjects": {"other": {"uuid": "s1", "image": "i1"}}},
        {"subjects": [{"uuid": "s1", "image": "i1"}]},
        {"job": {"subjects": {"s1": {"image": "i1"}}}},
        {"job": {"subjects": [{"uuid": "s1", "image": "i1"}, "s2", None]}},
    ],
)
def test_subjects_in_details(details: object) -> None:
    (uuid, row), *others = in_details(details, "subjects")
    assert (uuid, row["image"], others) == ("s1", "i1", [])


@pytest.mark.parametrize("details", [{}, None, {"subjects": None}, {"job": "j1"}])
def test_no_subjects_in_details(details: object) -> None:
    assert in_details(details, "subjects") == []


def test_job_name() -> None:
    assert job_name({"name": " School "}) == "School"
    assert job_name({"name": "", "job": {"name": "Inner"}}) == "Inner"
    assert job_name({"job": None}) == ""


def test_registration_email() -> None:
    assert registration_email({"userUsername": "a", "email": "b"}) == "a"
    assert registration_email({"userUsername": " ", "email": "b"}) == "b"
    assert registration_email({"userUsername": False, "email": "b"}) == "b"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (["K1", "K2"], ["K1", "K2"]),
        ([{"access_key": "K1"}, {"key": "K2"}], ["K1", "K2"]),
        ({"access_keys": [" K1 "]}, ["K1"]),
        ({"data": ["K1"]}, ["K1"]),
        ({"data": {"access_keys": [{"key": "K1"}]}}, ["K1"]),
        ([None, "", {"access_key": " "}, 7], ["7"]),
        ([], []),
        ({}, []),
        (None, []),
    ],
)
def test_access_keys(answer: object, expected: list[str]) -> None:
    assert list(filter(None, access_keys(answer))) == expected

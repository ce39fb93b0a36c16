"""R7's parent name, R10's addresses, and the export contract's columns."""

import pytest

from tests.reference.interface import EXPORT_COLUMNS
from tests.reference.rules import r10_root
from tests.reference.worlds import (
    AS_OF,
    job,
    portal,
    reason_of,
    row_of,
    row_with,
    run,
    subject,
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"parent_name": "Eve Lind"}, "Eve Lind"),
        ({"parent_name": "Eve", "delivery_2": {"name": " Two "}}, "Two"),
        ({"delivery_1": {"name": "One"}, "delivery_2": {"name": "Two"}}, "One"),
        ({"delivery_1": {"name": "ADA  lind"}, "parent_name": "Eve"}, "Eve"),
        ({"parent_name": "ada LIND"}, ""),
        ({"parent_name": "Ada", "last_name": None}, ""),
        ({"parent_name": "Lind", "first_name": " "}, ""),
        ({"parent_name": "Ada", "name": "Ada"}, "Ada"),
        ({"parent_name": "WEISS", "name": "Wei\u00df", "first_name": None}, "WEISS"),
        (
            {
                "parent_name": "WEISS",
                "name": "Wei\u00df",
                "first_name": None,
                "last_name": None,
            },
            "",
        ),
        ({"parent_name": ["Eve"]}, ""),
    ],
)
def test_r7_parent_name(changes: dict[str, object], expected: str) -> None:
    assert row_with(**changes)["parent_name"] == expected


def test_r7_only_the_first_ranked_users_name_counts() -> None:
    users = {
        "u1": {"name": "Ada Lind", "phone_number": "2025550150"},
        "u2": {"name": "Second"},
    }
    registrations = [
        {"subjectUuid": "s1", "userUuid": "u1"},
        {"subjectUuid": "s1", "userUuid": "u2"},
    ]
    only_job = job(
        subject(delivery_1={"name": "One"}),
        registrations=registrations,
    )
    row = row_of(run(portal(only_job, users=users)))
    assert row["parent_name"] == "One"


@pytest.mark.parametrize(
    "base_url",
    [
        "https://north.example.com/shop/api/v1",
        "https://north.example.com/shop/api/v1/",
        "https://north.example.com/shop/",
        "https://north.example.com/shop",
    ],
)
def test_r10_root(base_url: str) -> None:
    assert r10_root(base_url) == "https://north.example.com/shop"


def test_r10_addresses() -> None:
    odd = "a/b?c#d .-_~\u00e9"
    only = subject(odd)
    raw = portal(job(only, access_keys={odd: ["", " K&1 %/~\u00e9 ", "K2"]}))
    row = row_of(run(raw))
    assert row["access_code"] == "K&1 %/~\u00e9"
    assert row["url"] == (
        "https://north.example.com/gallery/a%2Fb%3Fc%23d%20.-_~%C3%A9"
    )
    assert row["custom_gallery_url"] == (
        "https://north.example.com/?code=K%261%20%25%2F~%C3%A9"
    )


@pytest.mark.parametrize("keys", [{}, {"s1": []}, {"s1": [" ", None]}, {"s1": {}}])
def test_r10_no_key(keys: object) -> None:
    raw = portal(job(subject(), access_keys=keys))
    assert reason_of(run(raw)) == "access_key_missing"


def test_all_columns_of_a_row() -> None:
    row = row_with(external_id="X1", group="3B")
    assert tuple(row) == EXPORT_COLUMNS
    assert row == {
        "portal": "north",
        "job_uuid": "j1",
        "job_name": "School",
        "subject_uuid": "s1",
        "external_id": "X1",
        "first_name": "Ada",
        "last_name": "Lind",
        "parent_name": "",
        "phone_number": "+12025550101",
        "phone_number_2": "",
        "email": "ada@example.com",
        "email_2": "",
        "country": "USA",
        "group": "3B",
        "buyer": "Yes",
        "access_code": "KEY-s1",
        "url": "https://north.example.com/gallery/s1",
        "custom_gallery_url": "https://north.example.com/?code=KEY-s1",
        "sms_marketing_consent": "SUBSCRIBE",
        "sms_marketing_timestamp": "2026-02-01T00:00:00Z",
        "sms_transactional_consent": "SUBSCRIBE",
        "sms_transactional_timestamp": "2026-02-01T00:00:00Z",
        "activity_uuid": "a1",
        "activity_name": "Fall",
        "registered_user": "No",
        "registered_user_email": "",
        "registered_user_uuid": "",
        "resolution_strategy": "image",
    }


def test_r14_the_same_input_gives_the_same_result() -> None:
    raw = portal(job(subject("s2"), subject("s1")))
    first, second = run(raw), run(raw, as_of=AS_OF)
    assert first == second
    assert [row["subject_uuid"] for row in first.exported] == ["s1", "s2"]

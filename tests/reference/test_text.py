"""R7 and trimming."""

import pytest

from tests.reference.text import r7_text, trimmed
from tests.reference.worlds import (
    WEBSHOP,
    activity,
    details,
    job,
    portal,
    row_of,
    run,
    subject,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("  Ada  ", "Ada"),
        ("Ada\r\n\t Maria", "Ada Maria"),
        ("Ada\x00Maria", "Ada Maria"),
        ("\x07Ada\x85\u00a0\u2003\u3000Maria\x9f", "Ada Maria"),
        ("\u2028Ada\u2029", "Ada"),
        ("Zoe\u0308", "Zo\u00eb"),
        ("\u212b", "\u00c5"),
        ("a\u200bb\ufeff", "a\u200bb\ufeff"),
        ("\U0001f600 =1+1", "\U0001f600 =1+1"),
        ("", ""),
        (" \n\x00 ", ""),
        (None, ""),
        (7, "7"),
        (0, "0"),
        (7.0, "7.0"),
        (1e22, "1e+22"),
        (True, ""),
        (False, ""),
        (["Ada"], ""),
        ({"name": "Ada"}, ""),
    ],
)
def test_r7_text(value: object, expected: str) -> None:
    assert r7_text(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("\u00a0\x00 A  b\x00c\t\u2029", "A  b\x00c"),
        ("Zoe\u0308 ", "Zoe\u0308"),
        ("\ufeffa", "\ufeffa"),
        (12, "12"),
        (True, ""),
        (None, ""),
    ],
)
def test_uuids_keys_phones_emails_and_dates_are_only_trimmed(
    value: object, expected: str
) -> None:
    assert trimmed(value) == expected


def test_r7_in_the_columns() -> None:
    raw = portal(
        job(
            subject(
                external_id=4711, group=" 3\tB ", first_name=True, last_name="O\x00D"
            ),
            details=details(
                {"uuid": "i1", "activityUuid": "a1"}, name="A\u0308  School"
            ),
        ),
        [activity(name=" Fall\r\nshoot ")],
    )
    row = row_of(run(raw))
    assert row["external_id"] == "4711"
    assert row["group"] == "3 B"
    assert row["first_name"] == ""
    assert row["last_name"] == "O D"
    assert row["job_name"] == "\u00c4 School"
    assert row["activity_name"] == "Fall shoot"


def test_r7_country_falls_back_to_the_portals() -> None:
    assert row_of(run(portal(job(subject(country=" \x00 ")))))["country"] == "USA"
    assert row_of(run(portal(job(subject(country="Norway")))))["country"] == "Norway"
    assert WEBSHOP.country == "USA"


def test_r7_job_name_falls_back_to_the_activities() -> None:
    unnamed = job(
        subject(), details=details({"uuid": "i1", "activity": "a1"}, name=" ")
    )
    activities = [
        activity("a0", job_name=None),
        activity("a1", job_name=" Second "),
        activity("a2", job_name="Third"),
    ]
    assert row_of(run(portal(unnamed, activities)))["job_name"] == "Second"


def test_r7_job_name_under_job() -> None:
    under_job = {
        "job": {"uuid": "j1", "name": "Under job"},
        "images": {"i1": {"activity_uuid": "a1"}},
    }
    raw = portal(job(subject(), details=under_job))
    assert row_of(run(raw))["job_name"] == "Under job"

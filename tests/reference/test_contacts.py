"""R3 to R6 and R9: users, routes, phones, e-mails and suppression."""

import pytest

from tests.reference.contacts import r5_phone, r6_email
from tests.reference.worlds import (
    EXPLICIT,
    Raw,
    job,
    portal,
    reason_of,
    row_of,
    row_with,
    run,
    subject,
)


def registered(users: Raw, *registrations: Raw, **changes: object) -> dict[str, str]:
    only_job = job(subject(**changes), registrations=[*registrations])
    return row_of(run(portal(only_job, users=users)))


def registration(user: str, **changes: object) -> Raw:
    return {"subjectUuid": "s1", "userUuid": user, **changes}


def suppression(channel: str, address: str, at: str = "2026-01-15T00:00:00Z") -> Raw:
    return {
        "channel": channel,
        "address": address,
        "suppressed_at": at,
        "reason": "opt_out",
    }


# R3


def test_r3_rank_phone_then_email_then_uuid() -> None:
    users = {
        "u1": {"name": "None"},
        "u2": {"name": "Mail", "email_address": "u2@example.com"},
        "u4": {"name": "Phone", "phone_number": "202-555-0140"},
        "u3": {"name": "Phone", "phone_number": "202-555-0130"},
        "u5": {
            "name": "Both",
            "phone_number": "202-555-0150",
            "email_address": "U5@Example.com ",
        },
    }
    row = registered(users, *map(registration, users))
    assert row["registered_user"] == "Yes"
    assert row["registered_user_uuid"] == "u5"
    assert row["registered_user_email"] == "u5@example.com"
    assert (row["phone_number"], row["phone_number_2"]) == (
        "+12025550150",
        "+12025550130",
    )
    assert (row["email"], row["email_2"]) == ("u5@example.com", "u2@example.com")
    assert row["parent_name"] == "Both"


def test_r3_smallest_uuid_where_nothing_else_tells() -> None:
    row = registered({}, registration("u2"), registration("u10"))
    assert row["registered_user_uuid"] == "u10"


def test_r3_users_without_details_count_with_their_login() -> None:
    row = registered({}, registration("u1", userUsername=" Login@Example.com"))
    assert row["registered_user"] == "Yes"
    assert row["registered_user_email"] == "login@example.com"
    assert row["email"] == "login@example.com"
    assert row["parent_name"] == ""


def test_r3_the_details_email_counts_even_when_not_valid() -> None:
    users = {"u1": {"email_address": "N/A"}}
    row = registered(users, registration("u1", email="login@example.com"))
    assert row["registered_user_email"] == ""
    assert row["email"] == "ada@example.com"


@pytest.mark.parametrize("empty", [None, "", " \x00", False, [], {}])
def test_r3_an_empty_details_email_falls_back_to_the_first_login(empty: object) -> None:
    row = registered(
        {"u1": {"email_address": empty}},
        registration("u1", email=""),
        registration("u1", email="first@example.com"),
        registration("u1", email="second@example.com"),
    )
    assert row["registered_user_email"] == "first@example.com"


def test_r3_field_variants_and_rows_that_count_for_nothing() -> None:
    row = registered(
        {},
        {"subjectUuid": " s1 ", "uuid": "u7", "email": "u7@example.com"},
        {"subjectUuid": "s2", "userUuid": "u1"},
        {"subjectUuid": None, "userUuid": "u2"},
        {"subjectUuid": "s1", "userUuid": " "},
        {"userUuid": "u3"},
    )
    assert row["registered_user_uuid"] == "u7"


def test_r3_no_user() -> None:
    row = row_with()
    assert row["registered_user"] == "No"
    assert row["registered_user_uuid"] == ""
    assert row["registered_user_email"] == ""


# R4


def test_r4_routes_best_first() -> None:
    row = row_with(
        delivery_1={"mobile_phone": "call mom", "email_address": "d1@example.com"},
        delivery_2={"mobile_phone": "202-555-0122", "email_address": "no"},
        phone_number="+1 202 555 0122",
        phone_number_2="202-555-0144",
        email="D1@example.com",
        email_2="two@example.com",
    )
    assert (row["phone_number"], row["phone_number_2"]) == (
        "+12025550122",
        "+12025550144",
    )
    assert (row["email"], row["email_2"]) == ("d1@example.com", "two@example.com")


def test_r4_only_two_and_none() -> None:
    row = row_with(
        delivery_1={"mobile_phone": 2025550111},
        delivery_2={"mobile_phone": "202-555-0112"},
        email=None,
    )
    assert (row["phone_number"], row["phone_number_2"]) == (
        "+12025550111",
        "+12025550112",
    )
    assert (row["email"], row["email_2"]) == ("", "")


@pytest.mark.parametrize("delivery", [None, "202-555-0199", [], {}, True])
def test_r4_deliveries_that_are_no_objects(delivery: object) -> None:
    row = row_with(delivery_1=delivery, delivery_2=delivery)
    assert (row["phone_number"], row["phone_number_2"]) == ("+12025550101", "")


# R5


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (" (202) 555-0123\u00a0", "+12025550123"),
        ("1-202-555-0123", "+12025550123"),
        ("+1 416 555 0123", "+14165550123"),
        (2025550123, "+12025550123"),
        ("202-555-0123 ext. 5", "+12025550123"),
        ("555-0123", ""),
        ("800-555-0199", ""),
        ("900-555-0123", ""),
        ("N/A", ""),
        ("", ""),
        (None, ""),
        (True, ""),
        (2025550123.5, ""),
    ],
)
def test_r5_phone(value: object, expected: str) -> None:
    assert r5_phone(value, "US") == expected


def test_r5_phones_are_parsed_in_the_portals_region() -> None:
    assert r5_phone("202-555-0123", "GB") == ""
    assert r5_phone("+1 202-555-0123", "GB") == "+12025550123"


# R6


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("\u00a0Ada.Lind@Example.COM\r\n", "ada.lind@example.com"),
        ("\u0130@example.com", "i\u0307@example.com"),
        ("\u03a3\u0391\u03a3@example.com", "\u03c3\u03b1\u03c3@example.com"),
        ("a@b.c.example.com", "a@b.c.example.com"),
        ("ada", ""),
        ("ada@example", ""),
        ("ada@@example.com", ""),
        ("ada lind@example.com", ""),
        ("ada\u2003lind@example.com", ""),
        ("a@example.com, b@example.com", ""),
        ("@example.com", ""),
        ("ada@.com", ""),
        ("ada@example.", ""),
        (None, ""),
        (5, ""),
    ],
)
def test_r6_email(value: object, expected: str) -> None:
    assert r6_email(value) == expected


def test_r6_emails_are_not_composed() -> None:
    assert r6_email("zoe\u0308@example.com") == "zoe\u0308@example.com"


# R9


def suppressed(*rows: Raw, **changes: object) -> dict[str, str]:
    return row_of(run(portal(job(subject(**changes))), suppressions=rows))


def test_r9_the_next_route_is_used() -> None:
    row = suppressed(
        suppression("sms", "(202) 555-0101"),
        suppression("email", " ADA@example.com"),
        phone_number_2="202-555-0102",
        email_2="two@example.com",
    )
    assert (row["phone_number"], row["phone_number_2"]) == ("+12025550102", "")
    assert (row["email"], row["email_2"]) == ("two@example.com", "")


def test_r9_channels_are_apart() -> None:
    row = suppressed(
        suppression("email", "202-555-0101"), suppression("sms", "ada@example.com")
    )
    assert row["phone_number"] == "+12025550101"
    assert row["email"] == "ada@example.com"


@pytest.mark.parametrize(
    ("consent", "at", "lifted"),
    [
        ("yes", "2026-01-15T00:00:01Z", True),
        (True, "2026-01-15T00:00:00.000001Z", True),
        ("yes", "2026-01-15T00:00:00Z", False),
        ("yes", "2026-01-14", False),
        ("yes", "unreadable", False),
        (None, "2026-02-20", False),
        ("maybe", "2026-02-20", False),
    ],
)
def test_r9_only_a_later_explicit_grant_lifts(
    consent: object, at: str, lifted: bool
) -> None:
    only = subject(sms_marketing_consent=consent, sms_marketing_timestamp=at)
    result = run(portal(job(only)), suppressions=[suppression("sms", "2025550101")])
    if lifted:
        assert row_of(result)["phone_number"] == "+12025550101"
    else:
        assert reason_of(result) == "suppressed"


def test_r9_the_latest_suppression_counts() -> None:
    again = [
        suppression("sms", "2025550101", "2026-01-01"),
        suppression("sms", "202-555-0101", "2026-02-15"),
        suppression("sms", "+12025550101", "2026-01-01"),
    ]
    only = subject(sms_marketing_consent="yes", sms_marketing_timestamp="2026-02-01")
    assert reason_of(run(portal(job(only)), suppressions=again)) == "suppressed"
    later = subject(sms_marketing_consent="yes", sms_marketing_timestamp="2026-02-16")
    assert row_of(run(portal(job(later)), suppressions=again))


def test_r9_addresses_that_are_none_match_nothing() -> None:
    row = suppressed(
        suppression("sms", "555-0101"),
        suppression("sms", ""),
        suppression("email", "ada@example"),
    )
    assert (row["phone_number"], row["email"]) == ("+12025550101", "ada@example.com")


def test_r9_phones_of_the_list_are_parsed_in_the_portals_region() -> None:
    only = subject(
        phone_number="416-555-0101",
        sms_marketing_consent="yes",
        sms_marketing_timestamp="2026-01-01",
    )
    result = run(
        portal(job(only)),
        config=EXPLICIT,
        suppressions=[suppression("sms", "416 555 0101")],
    )
    assert reason_of(result) == "suppressed"


def test_r9_a_suppressed_login_is_shown_but_not_used() -> None:
    users = {"u1": {"email_address": "u1@example.com", "phone_number": "2025550150"}}
    only_job = job(subject(), registrations=[registration("u1")])
    listed = [suppression("email", "u1@example.com"), suppression("sms", "2025550150")]
    row = row_of(run(portal(only_job, users=users), suppressions=listed))
    assert row["registered_user_email"] == "u1@example.com"
    assert row["email"] == "ada@example.com"
    assert row["phone_number"] == "+12025550101"

"""R3 to R6 and R9: users, routes, phones, e-mails and suppression."""

import pytest

from tests.reference.contacts import r5_phone, r6_email, r9_readings
from tests.reference.interface import PortalConfig, Variables
from tests.reference.rules import audiences
from tests.reference.worlds import (
    AS_OF,
    EXPLICIT,
    WEBSHOP,
    Raw,
    activity,
    details,
    fates,
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
        (
            "_O'Brien+a!#$%&*/=?^{|}~-@1-2.Example",
            "_o'brien+a!#$%&*/=?^{|}~-@1-2.example",
        ),
        (f" {'a' * 242}@example.com ", f"{'a' * 242}@example.com"),
        (f"{'a' * 243}@example.com", ""),
        ("\u0130@example.com", ""),
        ("\u212aim@example.com", ""),
        ("zoe\u0308@example.com", ""),
        ("ada@ex\u00e4mple.com", ""),
        ("=a@example.com", ""),
        ("+a@example.com", ""),
        ("-a@example.com", ""),
        (".a@example.com", ""),
        ("a`b@example.com", ""),
        ("mailto:ada@example.com", ""),
        ("ada@example.c", ""),
        ("ada@example.1st", ""),
        ("ada@example.c-", ""),
        ("ada@-example.com", ""),
        ("ada@example-.com", ""),
        ("ada@example..com", ""),
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


def test_r9_a_suppressed_login_is_neither_used_nor_shown() -> None:
    users = {"u1": {"email_address": "u1@example.com", "phone_number": "2025550150"}}
    only_job = job(subject(), registrations=[registration("u1")])
    listed = [suppression("email", "u1@example.com"), suppression("sms", "2025550150")]
    row = row_of(run(portal(only_job, users=users), suppressions=listed))
    assert row["registered_user_email"] == ""
    assert row["registered_user_uuid"] == "u1"
    assert row["email"] == "ada@example.com"
    assert row["phone_number"] == "+12025550101"
    raw = portal(only_job, users=users)
    row = row_of(run(raw, suppressions=listed, contact_routes=("subject",)))
    assert row["registered_user_email"] == ""


def test_r9_a_later_grant_shows_the_login_again() -> None:
    only = subject(sms_marketing_consent="yes", sms_marketing_timestamp="2026-01-16")
    only_job = job(only, registrations=[registration("u1", email="u1@example.com")])
    listed = [suppression("email", "u1@example.com")]
    row = row_of(run(portal(only_job), suppressions=listed))
    assert row["registered_user_email"] == row["email"] == "u1@example.com"


@pytest.mark.parametrize(
    ("granted_at", "lifted"),
    [("2026-01-15T23:59:59Z", False), ("2026-01-16", True)],
)
def test_r9_a_date_alone_stops_until_the_days_end(
    granted_at: str, lifted: bool
) -> None:
    only = subject(sms_marketing_consent="yes", sms_marketing_timestamp=granted_at)
    listed = [suppression("sms", "2025550101", "2026-01-15")]
    result = run(portal(job(only)), suppressions=listed)
    assert bool(result.exported) is lifted


@pytest.mark.parametrize("written", ["12025550101", "1-202-555-0101", "2025550101"])
def test_r9_a_lost_plus_still_stops(written: str) -> None:
    listed = [suppression("sms", written)]
    assert reason_of(run(portal(job(subject())), suppressions=listed)) == "suppressed"


def test_r9_a_phone_is_read_in_every_portals_region() -> None:
    norway = PortalConfig("fjord", "https://x.example", "B", "NO", "Norway", "webshop")
    texts = r9_readings("202-555-0101", ["NO", "US"])
    assert {"+12025550101", "+202025550101"} & texts == {"+12025550101"}
    assert "+4791234567" in r9_readings("4791234567", ["US"])
    assert r9_readings("5550126", ["US"]) == set()
    listed = [suppression("sms", "202-555-0101")]
    raw = portal(job(subject(phone_number="+12025550101")))
    both = {"1": (norway, raw), "2": (WEBSHOP, portal(job(subject(images=[]))))}
    found = audiences(both, listed, Variables(as_of=AS_OF))
    reasons = {row["portal"]: row["reason"] for row in found.excluded}
    assert reasons["fjord"] == "suppressed"


# R9: a denial is for the phone


DENIAL = {"sms_marketing_consent": "no", "sms_marketing_timestamp": "2026-02-10"}


def grant(at: str) -> Raw:
    return {"sms_marketing_consent": "yes", "sms_marketing_timestamp": at}


def test_r9_a_denial_stops_every_address_of_its_subject_for_others() -> None:
    denying = subject("s1", phone_number_2="2025550102", **DENIAL)
    other = subject("s2", phone_number="2025550103", phone_number_2="2025550102")
    raw = portal(job(denying, other, subject("s3")))
    result = run(raw)
    assert fates(result) == {
        ("a1", "s1"): "consent_denied",
        ("a1", "s2"): "image",
        ("a1", "s3"): "suppressed",
    }
    row = result.exported[0]
    assert (row["phone_number"], row["phone_number_2"]) == ("+12025550103", "")
    assert row["email"] == ""


def test_r9_who_denies_is_denied_rather_than_suppressed() -> None:
    raw = portal(job(subject("s1", **DENIAL), subject("s2", **DENIAL)))
    assert set(fates(run(raw)).values()) == {"consent_denied"}


@pytest.mark.parametrize(
    ("denied_at", "granted_at", "reason"),
    [
        ("2026-02-10", "2026-02-10T00:00:01Z", ""),
        ("2026-02-10", "2026-02-10", "suppressed"),
        (None, "2026-03-01T12:00:00Z", "suppressed"),
        ("soon", "2026-02-28", "suppressed"),
    ],
)
def test_r9_a_denial_has_its_own_time_or_as_of(
    denied_at: object, granted_at: str, reason: str
) -> None:
    denying = subject("s1", **DENIAL | {"sms_marketing_timestamp": denied_at})
    raw = portal(job(denying, subject("s2", **grant(granted_at))))
    assert fates(run(raw))["a1", "s2"] == (reason or "image")


def test_r9_a_denial_holds_in_its_portal_alone_and_on_listed_routes() -> None:
    raw = portal(
        job(subject("s1", **DENIAL)),
        [activity("a1"), activity("b1", job="j2")],
        j2=job(subject("s2", activity="b1")),
    )
    assert fates(run(raw))["b1", "s2"] == "suppressed"
    elsewhere = portal(job(subject("s3", **grant("2026-02-01"))))
    both = {"1": (WEBSHOP, raw), "2": (EXPLICIT, elsewhere)}
    found = audiences(both, [], Variables(as_of=AS_OF))
    assert [row["subject_uuid"] for row in found.exported] == ["s3"]
    unlisted = subject("s1", phone_number=None, phone_number_2="2025550101", **DENIAL)
    raw = portal(job(unlisted, subject("s2", email=None)))
    assert fates(run(raw))["a1", "s2"] == "suppressed"
    assert fates(run(raw, contact_routes=("subject",)))["a1", "s2"] == "image"


# R4: routes and shared addresses


def test_r4_routes_are_used_in_their_listed_order_and_no_other() -> None:
    only = subject(
        delivery_1={"mobile_phone": "2025550111", "email_address": "d1@example.com"},
        phone_number_2="2025550144",
    )
    routes = ("subject_2", "delivery_1")
    row = row_of(run(portal(job(only)), contact_routes=routes))
    assert (row["phone_number"], row["phone_number_2"]) == (
        "+12025550144",
        "+12025550111",
    )
    assert (row["email"], row["email_2"]) == ("d1@example.com", "")


def test_r4_an_address_of_too_many_subjects_of_a_job_is_shared() -> None:
    raw = portal(job(subject("s1"), non_buyers=[subject("s2"), subject("s3")]))
    assert len(run(raw, max_subjects_per_address=3).exported) == 3
    assert len(run(raw, max_subjects_per_address=0).exported) == 3
    found = fates(run(raw, max_subjects_per_address=2))
    assert set(found.values()) == {"contact_shared"}
    many = portal(job(*(subject(f"s{number}") for number in range(11))))
    assert set(fates(run(many)).values()) == {"contact_shared"}


def test_r4_the_next_route_replaces_a_shared_address() -> None:
    own = subject("s1", phone_number_2="2025550102")
    raw = portal(job(own, subject("s2", email="two@example.com")))
    found = run(raw, max_subjects_per_address=1)
    row = found.exported[0]
    assert (row["phone_number"], row["phone_number_2"]) == ("+12025550102", "")
    assert row["email"] == "ada@example.com"


def test_r4_subjects_are_counted_by_job_but_filtered_ones_too() -> None:
    activities = [activity("a1"), activity("b1", job="j2")]
    raw = portal(job(subject("s1")), activities, j2=job(subject("s2", activity="b1")))
    assert len(run(raw, max_subjects_per_address=1).exported) == 2
    filtered = portal(
        job(subject("s1", group="3B"), subject("s2", activity="off-sale", images=[])),
        activities,
        j2=job(subject("s3", activity="b1", group="3B")),
    )
    found = fates(run(filtered, max_subjects_per_address=1, groups=("3B",)))
    assert found["a1", "s1"] == found["b1", "s3"] == "contact_shared"


def test_r4_one_subject_counts_once() -> None:
    twice = subject(
        images=["i1", "i2"], phone_number_2="2025550101", email_2="ada@example.com"
    )
    images = [{"uuid": f"i{n}", "activity": f"a{n}"} for n in (1, 2)]
    raw = portal(job(twice, details=details(*images)), [activity("a1"), activity("a2")])
    assert len(run(raw, max_subjects_per_address=1).exported) == 2


def test_r4_a_shared_login_is_not_shown() -> None:
    registrations = [
        {"subjectUuid": uuid, "userUuid": "u1", "email": "office@example.com"}
        for uuid in ("s1", "s2")
    ]
    listed = [subject("s1"), subject("s2", phone_number="2025550102")]
    raw = portal(job(*listed, registrations=registrations))
    rows = run(raw, max_subjects_per_address=1, contact_filter="any").exported
    assert [row["registered_user_email"] for row in rows] == ["", ""]
    # A route that is not listed is not used for anything in R4.
    routes = ("subject",)
    rows = run(raw, max_subjects_per_address=1, contact_routes=routes).exported
    assert {row["registered_user_email"] for row in rows} == {"office@example.com"}

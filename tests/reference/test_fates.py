"""R11 to R13: filters, duplicates, and one fate for each candidate."""

from datetime import UTC, datetime

import pytest

from tests.reference.interface import REASONS, Variables
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
    reason_with,
    row_of,
    run,
    subject,
)

# R11


def test_r11_defaults() -> None:
    variables = Variables(as_of=AS_OF)
    assert (variables.portals, variables.job_uuids, variables.groups) == ((), (), ())
    assert variables.require_images is True
    assert variables.registered_only is False
    assert variables.contact_filter == "phone"
    assert variables.audience == "both"
    assert variables.dedup_by == "activity_subject"
    assert variables.consent_max_age_days == 365
    assert variables.contact_routes == (
        "registered_user",
        "delivery_1",
        "delivery_2",
        "subject",
        "subject_2",
    )
    assert variables.max_subjects_per_address == 10
    assert variables.buyers_get_no_reminder == "never"


def test_r13_no_contact_route_is_an_error() -> None:
    with pytest.raises(ValueError, match="contact_routes is empty"):
        Variables(as_of=AS_OF, contact_routes=())


def test_r11_portals_and_jobs() -> None:
    raw = portal(job(subject()))
    assert row_of(run(raw, portals=("north", "maple"), job_uuids=("j1",)))
    assert reason_of(run(raw, portals=("maple",))) == "filter_portal"
    assert reason_of(run(raw, job_uuids=("j2", "J1"))) == "filter_job"


@pytest.mark.parametrize(
    ("group", "chosen", "kept"),
    [
        (" 3\u00a0B\n", ("3 B",), True),
        (3, ("3",), True),
        ("3b", ("3B",), False),
        ("3", ("3B",), False),
        (None, ("3B",), False),
    ],
)
def test_r11_groups_match_exactly_after_r7(
    group: object, chosen: tuple[str, ...], kept: bool
) -> None:
    result = run(portal(job(subject(group=group))), groups=chosen)
    assert [row["reason"] for row in result.excluded] == (
        [] if kept else ["filter_group"]
    )


def test_r11_registered_only() -> None:
    raw = portal(job(subject()))
    assert reason_of(run(raw, registered_only=True)) == "filter_registered"
    registrations = [{"subjectUuid": "s1", "userUuid": "u1"}]
    raw = portal(job(subject(), registrations=registrations))
    assert row_of(run(raw, registered_only=True))


def test_r11_require_images() -> None:
    raw = portal(job(subject(images=[" "], activity="a1")))
    assert reason_of(run(raw)) == "no_images"
    assert row_of(run(raw, require_images=False))
    unknown = portal(job(subject(images=["unknown"], activity="a1")))
    assert row_of(run(unknown))


@pytest.mark.parametrize(
    ("phone", "email", "contact_filter", "reason"),
    [
        ("2025550101", None, "phone", ""),
        ("2025550101", None, "email", "contact_missing"),
        ("2025550101", "N/A", "email", "contact_invalid"),
        ("2025550101", None, "any", ""),
        (None, "ada@example.com", "phone", "contact_missing"),
        (None, "ada@example.com", "email", ""),
        ("N/A", "ada@example.com", "any", ""),
        ("N/A", None, "any", "contact_invalid"),
        (None, None, "any", "contact_missing"),
    ],
)
def test_r11_contact_filter(
    phone: object, email: object, contact_filter: str, reason: str
) -> None:
    raw = portal(job(subject(phone_number=phone, email=email)))
    result = run(raw, contact_filter=contact_filter)
    assert [row["reason"] for row in result.excluded] == ([reason] if reason else [])


@pytest.mark.parametrize("audience", ["both", "buyers", "non_buyers"])
def test_r11_audience_changes_no_fate(audience: str) -> None:
    raw = portal(job(subject("s1"), non_buyers=[subject("s2")]))
    assert len(run(raw, audience=audience).exported) == 2


# R12

THREE_ACTIVITIES = [
    activity("a1", starting=None),
    activity("a2", starting="2026-02-02"),
    activity("a3", starting="2026-02-02"),
]
GRANT = {"sms_marketing_consent": "yes", "sms_marketing_timestamp": "2026-02-10"}


def test_r12_activity_subject_leaves_all() -> None:
    raw = portal(job(subject("s1"), subject("s2")))
    assert fates(run(raw)) == {("a1", "s1"): "image", ("a1", "s2"): "image"}


def test_r12_phone_job_keeps_earliest_then_smallest_activity_then_subject() -> None:
    raw = portal(
        job(
            subject("s1", activity="a1", images=["x"], **GRANT),
            subject("s2", activity="a3", images=["x"], **GRANT),
            subject("s4", activity="a2", images=["x"], **GRANT),
            subject("s3", activity="a2", images=["x"], **GRANT),
        ),
        THREE_ACTIVITIES,
    )
    assert fates(run(raw, dedup_by="phone_job")) == {
        ("a1", "s1"): "duplicate",
        ("a3", "s2"): "duplicate",
        ("a2", "s4"): "duplicate",
        ("a2", "s3"): "direct",
    }


def two_jobs() -> Raw:
    later = activity("b1", job="j2", starting="2026-02-20")
    return portal(
        job(subject("s1")),
        [activity("a1"), later],
        j2=job(subject("s0", activity="b1", images=["x"])),
    )


def test_r12_phone_job_is_within_a_job_and_phone_within_a_portal() -> None:
    assert fates(run(two_jobs(), dedup_by="phone_job")) == {
        ("a1", "s1"): "image",
        ("b1", "s0"): "direct",
    }
    assert fates(run(two_jobs(), dedup_by="phone")) == {
        ("a1", "s1"): "image",
        ("b1", "s0"): "duplicate",
    }


def test_r12_always_within_one_audience() -> None:
    raw = portal(job(subject("s1"), non_buyers=[subject("s2")]))
    assert "duplicate" not in fates(run(raw, dedup_by="phone")).values()


def test_r12_never_across_portals() -> None:
    granted = portal(job(subject("s1", **GRANT)))
    both = {"1": (WEBSHOP, granted), "2": (EXPLICIT, granted)}
    result = audiences(both, [], Variables(as_of=AS_OF, dedup_by="phone"))
    assert [row["portal"] for row in result.exported] == ["maple", "north"]
    assert result.portals == ("maple", "north")


def test_r12_only_rows_that_nothing_else_excludes_compete() -> None:
    raw = portal(job(subject("s1"), subject("s2"), access_keys={"s2": ["KEY"]}))
    assert fates(run(raw, dedup_by="phone")) == {
        ("a1", "s1"): "access_key_missing",
        ("a1", "s2"): "image",
    }


def test_r12_without_a_phone_a_row_goes_by_its_email() -> None:
    raw = portal(
        job(
            subject("s1"),
            subject("s2", phone_number=None),
            subject("s3", phone_number="N/A"),
            subject("s4", email="other@example.com"),
        )
    )
    assert fates(run(raw, dedup_by="phone_job", contact_filter="any")) == {
        ("a1", "s1"): "image",
        ("a1", "s2"): "image",
        ("a1", "s3"): "duplicate",
        ("a1", "s4"): "duplicate",
    }


def test_r12_only_the_first_phone_counts() -> None:
    raw = portal(
        job(
            subject("s1", phone_number_2="202-555-0102"),
            subject("s2", phone_number="202-555-0102", phone_number_2="202-555-0101"),
        )
    )
    assert "duplicate" not in fates(run(raw, dedup_by="phone")).values()


def test_r12_no_reminder_to_a_buyer_of_the_job_or_portal() -> None:
    raw = portal(
        job(subject("s1"), non_buyers=[subject("s2")]),
        [activity("a1"), activity("b1", job="j2")],
        j2=job(non_buyers=[subject("s3", activity="b1")]),
    )
    kept = {("a1", "s1"): "image", ("a1", "s2"): "image", ("b1", "s3"): "direct"}
    assert fates(run(raw)) == kept
    in_job = {**kept, ("a1", "s2"): "buyer_elsewhere"}
    assert fates(run(raw, buyers_get_no_reminder="job")) == in_job
    in_portal = {**in_job, ("b1", "s3"): "buyer_elsewhere"}
    assert fates(run(raw, buyers_get_no_reminder="portal")) == in_portal


def test_r12_only_a_buyer_that_nothing_excludes_counts() -> None:
    listed = job(subject("s1"), non_buyers=[subject("s2")], access_keys={"s2": ["K"]})
    found = fates(run(portal(listed), buyers_get_no_reminder="portal"))
    assert found == {("a1", "s1"): "access_key_missing", ("a1", "s2"): "image"}
    excluded = job(subject("s1"), non_buyers=[subject("s2", images=[], activity="a1")])
    found = fates(run(portal(excluded), buyers_get_no_reminder="portal"))
    assert found == {("a1", "s1"): "image", ("a1", "s2"): "no_images"}


def test_r12_a_reminder_goes_by_first_phone_or_by_email_without_phones() -> None:
    listed = job(
        subject("s1", phone_number_2="2025550102"),
        subject("s2", phone_number=None, email="two@example.com"),
        non_buyers=[
            subject("s3", phone_number="2025550102"),
            subject("s4", phone_number=None),
            subject("s5", phone_number=None, email="two@example.com"),
            subject("s6", phone_number="2025550106", email="two@example.com"),
        ],
    )
    found = run(portal(listed), buyers_get_no_reminder="job", contact_filter="any")
    reasons = [(row["subject_uuid"], row["reason"]) for row in found.excluded]
    assert reasons == [("s5", "buyer_elsewhere")]


def test_r12_reminders_are_left_out_before_duplicates() -> None:
    early = activity("a2", starting="2026-01-02")
    images = [{"uuid": f"i{n}", "activity": f"a{n}"} for n in (1, 2)]
    listed = job(
        subject("s1"),
        subject("s2", images=["i2"]),
        non_buyers=[subject("s3")],
        details=details(*images),
    )
    raw = portal(listed, [activity("a1"), early])
    found = run(raw, dedup_by="phone", buyers_get_no_reminder="job")
    assert fates(found) == {
        ("a1", "s1"): "duplicate",
        ("a2", "s2"): "image",
        ("a1", "s3"): "buyer_elsewhere",
    }


# R13: a subject against which every reason speaks, and each reason taken away in turn

OPT_OUT = {
    "channel": "sms",
    "address": "202-555-0101",
    "suppressed_at": "2026-01-01",
    "reason": "opt_out",
}


def beside_s1() -> tuple[Raw, Raw]:
    """A buyer and a non-buyer that share phones with s1, and pass its filters."""
    same: Raw = {"group": "3B", "phone_number": "2025550101", **GRANT}
    return subject("s2", phone_number_2="2025550199", **same), subject("s0", **same)


def steps() -> list[tuple[str, Raw, Raw, Raw]]:
    """For each reason: a subject's fields, variables and the job's answers."""
    fields: Raw = {
        "images": [],
        "group": "4A",
        "activity": "off-sale",
        "phone_number": None,
        "sms_marketing_consent": "no",
    }
    chosen: Raw = {
        "portals": ("other",),
        "job_uuids": ("other",),
        "groups": ("3B",),
        "registered_only": True,
    }
    answers: Raw = {"access_keys": {}}
    all_three = ("s0", "s1", "s2")
    registrations = [{"subjectUuid": one, "userUuid": "u1"} for one in all_three]
    keys = {uuid: ["KEY"] for uuid in all_three}
    changes: list[tuple[str, Raw, Raw, Raw]] = [
        ("filter_portal", {}, {}, {}),
        ("filter_job", {}, {"portals": ()}, {}),
        ("filter_group", {}, {"job_uuids": ()}, {}),
        ("activity_not_in_webshop", {"group": "3B"}, {}, {}),
        ("filter_registered", {"activity": "a1"}, {}, {}),
        ("no_images", {}, {}, {"registrations": registrations}),
        ("contact_missing", {"images": ["i1"]}, {}, {}),
        ("contact_invalid", {"phone_number": "N/A"}, {}, {}),
        (
            "contact_shared",
            {"phone_number": "2025550199"},
            {"max_subjects_per_address": 1},
            {},
        ),
        (
            "suppressed",
            {"phone_number": "2025550101"},
            {"max_subjects_per_address": 10},
            {},
        ),
        ("consent_denied", {"phone_number_2": "2025550102"}, {}, {}),
        ("consent_missing", {**GRANT, "sms_marketing_timestamp": "2027-01-01"}, {}, {}),
        ("consent_expired", {"sms_marketing_timestamp": "2024-01-01"}, {}, {}),
        ("access_key_missing", {"sms_marketing_timestamp": "2026-02-10"}, {}, {}),
        (
            "buyer_elsewhere",
            {},
            {"buyers_get_no_reminder": "job"},
            {"access_keys": keys},
        ),
        ("duplicate", {}, {"buyers_get_no_reminder": "never", "dedup_by": "phone"}, {}),
    ]
    found = []
    for reason, field, variable, answer in changes:
        fields, chosen = {**fields, **field}, {**chosen, **variable}
        answers = {**answers, **answer}
        found.append((reason, fields, chosen, answers))
    return found


@pytest.mark.parametrize(("reason", "fields", "chosen", "answers"), steps())
def test_r13_the_first_reason_that_applies(
    reason: str, fields: Raw, chosen: Raw, answers: Raw
) -> None:
    buyer, non_buyer = beside_s1()
    raw = portal(job(buyer, non_buyers=[non_buyer, subject(**fields)], **answers))
    found = fates(run(raw, suppressions=[OPT_OUT], **chosen))
    assert [fate for (_, uuid), fate in found.items() if uuid == "s1"] == [reason]


def test_r13_the_steps_are_in_the_order_of_the_reasons() -> None:
    assert (*(reason for reason, *_ in steps()),) == REASONS


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"activity": "off-sale", "images": []}, "activity_not_in_webshop"),
        ({"images": [], "activity": "a1"}, "no_images"),
        ({"phone_number": " \x00"}, "contact_missing"),
        ({"phone_number": False}, "contact_missing"),
        ({"phone_number": "N/A"}, "contact_invalid"),
        (
            {"phone_number": None, "delivery_2": {"mobile_phone": "?"}},
            "contact_invalid",
        ),
        ({"sms_marketing_consent": "opt-out"}, "consent_denied"),
    ],
)
def test_r13_reasons_of_a_subject(changes: dict[str, object], reason: str) -> None:
    assert reason_with(**changes) == reason


def test_r13_suppressed_where_one_is_valid_and_another_is_not() -> None:
    raw = portal(job(subject(delivery_1={"mobile_phone": "N/A"}, email="N/A")))
    for contact_filter in ("phone", "any"):
        result = run(raw, suppressions=[OPT_OUT], contact_filter=contact_filter)
        assert reason_of(result) == "suppressed"


def test_r13_a_login_is_text_on_a_route() -> None:
    registrations = [{"subjectUuid": "s1", "userUuid": "u1", "email": "n/a"}]
    raw = portal(job(subject(email=None), registrations=registrations))
    assert reason_of(run(raw, contact_filter="email")) == "contact_invalid"


def test_r13_exclusion_rows() -> None:
    raw = portal(
        job(
            subject("s2", images=[], activity="a1"),
            non_buyers=[subject("s1", activity="off-sale", images=[])],
        )
    )
    assert run(raw).excluded == [
        {
            "portal": "north",
            "job_uuid": "j1",
            "activity_uuid": "",
            "subject_uuid": "s1",
            "buyer": "No",
            "reason": "activity_not_in_webshop",
        },
        {
            "portal": "north",
            "job_uuid": "j1",
            "activity_uuid": "a1",
            "subject_uuid": "s2",
            "buyer": "Yes",
            "reason": "no_images",
        },
    ]


def test_r13_each_activity_of_a_subject_has_its_own_fate() -> None:
    images = [
        {"uuid": "i1", "activity": {"uuid": "a1"}},
        {"uuid": "i2", "activity": {"uuid": "a2"}},
    ]
    raw = portal(
        job(subject(images=["i1", "i2"]), details=details(*images)),
        [activity("a1"), activity("a2", starting="2020-01-01")],
    )
    assert fates(run(raw)) == {
        ("a1", "s1"): "image",
        ("a2", "s1"): "consent_expired",
    }


def test_r14_time_comes_from_as_of_alone() -> None:
    raw = portal(job(subject()))
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    assert reason_of(run(raw, as_of=long_ago)) == "consent_missing"
    assert reason_of(run(raw, as_of=AS_OF.replace(year=2028))) == "consent_expired"

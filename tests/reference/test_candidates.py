"""R1 and R2: candidates, and who is a buyer."""

import pytest

from tests.reference.worlds import (
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

IMAGES = (
    {"uuid": "i1", "activity": {"uuid": "a1"}},
    {"uuid": "i2", "activity_uuid": "a2"},
    {"uuid": "i9", "activityUuid": "off-sale"},
    {"uuid": "i0"},
)
TWO_ACTIVITIES = [activity("a1"), activity("a2")]


def fates_with(**changes: object) -> dict[tuple[str, str], str]:
    raw = portal(job(subject(**changes), details=details(*IMAGES)), TWO_ACTIVITIES)
    return fates(run(raw))


def test_r1_direct_and_image_activities_together() -> None:
    found = fates_with(activity_uuid="a2", images=["i1"])
    assert found == {("a1", "s1"): "image", ("a2", "s1"): "direct"}


def test_r1_direct_wins_where_both_name_the_activity() -> None:
    assert fates_with(activity={"uuid": " a1 "}) == {("a1", "s1"): "direct"}


def test_r1_both_direct_fields_count() -> None:
    found = fates_with(activity_uuid="a1", activity="a2", images=["i0"])
    assert found == {("a1", "s1"): "direct", ("a2", "s1"): "direct"}


def test_r1_no_known_activity_gets_the_jobs_first() -> None:
    assert fates_with(images=["unknown", "i0"]) == {("a1", "s1"): "job"}


@pytest.mark.parametrize(
    ("starting", "expected"),
    [
        ({"a1": "2026-02-03", "a2": "2026-02-02", "a3": None}, "a2"),
        ({"a1": "soon", "a2": None, "a3": "2026-02-20"}, "a3"),
        ({"a1": None, "a2": "", "a3": None}, "a1"),
        ({"a3": "2026-02-02", "a2": "2026-02-02T01:00:00+01:00"}, "a2"),
    ],
)
def test_r1_first_activity_of_a_job(starting: dict[str, object], expected: str) -> None:
    activities = [activity(uuid, starting=at) for uuid, at in starting.items()]
    explicit = subject(
        images=["unknown"],
        sms_marketing_consent="yes",
        sms_marketing_timestamp="2026-02-10",
    )
    raw = portal(job(explicit), activities)
    assert fates(run(raw)) == {(expected, "s1"): "job"}


def test_r1_all_known_activities_off_sale() -> None:
    found = fates_with(images=["i9"], activity_uuid="gone")
    assert found == {("", "s1"): "activity_not_in_webshop"}


def test_r1_an_off_sale_activity_beside_one_on_sale_is_no_candidate() -> None:
    assert fates_with(images=["i9", "i2"]) == {("a2", "s1"): "image"}


def test_r1_another_jobs_activity_is_off_sale() -> None:
    other = job(subject("s2", images=["i1"]), details=details(*IMAGES))
    raw = portal(
        job(subject(activity_uuid="b1", images=["i0"])),
        [activity("a1"), activity("b1", job="j2")],
        j2=other,
    )
    assert fates(run(raw)) == {
        ("", "s1"): "activity_not_in_webshop",
        ("", "s2"): "activity_not_in_webshop",
    }


def test_r1_an_activity_listed_twice_counts_by_its_first_row() -> None:
    twice = [activity(name="First"), activity(name="Second", starting=None)]
    row = row_of(run(portal(job(subject()), twice)))
    assert row["activity_name"] == "First"
    moved = [activity("a1"), activity("b1", job="j2"), activity("a1", job="j2")]
    raw = portal(job(subject()), moved, j2=job(subject("s2"), details=details(*IMAGES)))
    assert fates(run(raw)) == {
        ("a1", "s1"): "image",
        ("", "s2"): "activity_not_in_webshop",
    }


def test_r1_jobs_off_sale_and_gone_jobs_have_no_candidates() -> None:
    raw = portal(
        job(subject()), [activity(), activity("c1", job="gone")], j2=job(subject("s2"))
    )
    assert fates(run(raw)) == {("a1", "s1"): "image"}


def test_r1_subjects_that_only_the_details_know_are_none() -> None:
    in_details = details(*IMAGES, subjects={"s1": {}, "s2": {"image": "i1"}})
    raw = portal(job(subject(), details=in_details))
    assert fates(run(raw)) == {("a1", "s1"): "image"}


def test_r1_first_value_of_the_order_lists_counts() -> None:
    raw = portal(
        job(
            subject(first_name=" ", group=None, last_name="Buyer"),
            subject(first_name="Second", group=True, last_name="Again"),
            non_buyers=[subject(first_name="Third", group="3B", last_name="Non")],
        )
    )
    row = row_of(run(raw))
    assert (row["first_name"], row["last_name"]) == ("Second", "Buyer")
    assert row["group"] == "3B"


def test_r1_details_give_no_values_but_images() -> None:
    in_details = details(
        *IMAGES,
        subjects=[{"uuid": "s1", "group": "3B", "activity_uuid": "a2", "image": "i2"}],
    )
    raw = portal(job(subject(images=[]), details=in_details), TWO_ACTIVITIES)
    row = row_of(run(raw))
    assert row["group"] == ""
    assert (row["activity_uuid"], row["resolution_strategy"]) == ("a2", "image")


def test_r1_image_references_of_all_copies_are_united() -> None:
    raw = portal(
        job(
            subject(images=["i1"]),
            non_buyers=[subject(images=None, favorite_image="i2")],
            details=details(*IMAGES),
        ),
        TWO_ACTIVITIES,
    )
    assert fates(run(raw)) == {("a1", "s1"): "image", ("a2", "s1"): "image"}


def test_r1_a_delivery_counts_as_one_value() -> None:
    raw = portal(
        job(
            subject(phone_number=None, delivery_1={"name": " ", "mobile_phone": []}),
            subject(delivery_1={"mobile_phone": "202-555-0150", "name": ""}),
            non_buyers=[
                subject(delivery_1={"mobile_phone": "202-555-0160", "name": "Eve"})
            ],
        )
    )
    row = row_of(run(raw))
    assert row["phone_number"] == "+12025550150"
    assert row["parent_name"] == ""


def test_r1_a_boolean_consent_counts_as_a_value() -> None:
    copies = (
        subject(sms_marketing_consent=False),
        subject(sms_marketing_consent="yes"),
    )
    assert reason_of(run(portal(job(*copies)))) == "consent_denied"
    blank_first = (
        subject(sms_marketing_consent=" "),
        subject(sms_marketing_consent="no"),
    )
    assert reason_of(run(portal(job(*blank_first)))) == "consent_denied"


def test_r1_copies_are_one_subject_by_trimmed_uuid() -> None:
    raw = portal(job(subject(), {**subject(), "uuid": " s1 "}, {"uuid": None}))
    assert fates(run(raw)) == {("a1", "s1"): "image"}


def test_r2_buyers_and_non_buyers() -> None:
    raw = portal(job(subject("s1"), non_buyers=[subject("s2")]))
    buyers = {row["subject_uuid"]: row["buyer"] for row in run(raw).exported}
    assert buyers == {"s1": "Yes", "s2": "No"}


def test_r2_on_both_lists_is_a_buyer() -> None:
    raw = portal(job(subject(), non_buyers=[subject()]))
    assert row_of(run(raw))["buyer"] == "Yes"


def test_r1_ids_of_every_column() -> None:
    row = row_with()
    assert row["portal"] == "north"
    assert row["job_uuid"] == "j1"
    assert row["activity_uuid"] == "a1"
    assert row["subject_uuid"] == "s1"

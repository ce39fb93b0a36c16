"""R8: consent."""

import pytest

from tests.reference.worlds import (
    EXPLICIT,
    activity,
    job,
    portal,
    reason_of,
    row_of,
    row_with,
    run,
    subject,
)

GRANTS = [
    *("subscribe", "Subscribed", " YES ", "true", "1", 1, True),
    *("opt_in", "OPT-IN", "Opted_In"),
]
DENIES = [
    *("unsubscribe", "Unsubscribed", " NO\n", "false", "0", 0, False, "opt_out"),
    *("opt-out", "Opted_Out", "STOP", "StopAll", "end", "Quit", "cancel", "REVOKE"),
]


@pytest.mark.parametrize("word", GRANTS)
def test_r8_words_that_grant(word: object) -> None:
    row = row_with(sms_marketing_consent=word, sms_marketing_timestamp="2026-02-10")
    assert row["sms_marketing_consent"] == "SUBSCRIBE"
    assert row["sms_marketing_timestamp"] == "2026-02-10T00:00:00Z"


@pytest.mark.parametrize("word", DENIES)
def test_r8_words_that_deny(word: object) -> None:
    only = subject(sms_marketing_consent=word, sms_marketing_timestamp="2026-02-10")
    assert reason_of(run(portal(job(only)))) == "consent_denied"
    assert reason_of(run(portal(job(only)), config=EXPLICIT)) == "consent_denied"


@pytest.mark.parametrize(
    "word",
    [
        *("maybe", 1.0, "opt in", "NEVER_SUBSCRIBED", "ye\u017f"),
        *("SUBSCR\u0130BE", "UNSUBSCR\u0130BE", "\uff39\uff25\uff33", "\u200b"),
    ],
)
def test_r8_any_other_word_is_no_consent(word: object) -> None:
    only = subject(sms_marketing_consent=word, sms_marketing_timestamp="2026-02-10")
    assert reason_of(run(portal(job(only)))) == "consent_missing"
    assert reason_of(run(portal(job(only)), config=EXPLICIT)) == "consent_missing"


@pytest.mark.parametrize("word", ["", " \x00", None, ["yes"], {"yes": 1}])
def test_r8_an_empty_field_leaves_it_to_the_basis(word: object) -> None:
    only = subject(sms_marketing_consent=word, sms_marketing_timestamp="2026-02-10")
    row = row_of(run(portal(job(only))))
    assert row["sms_marketing_consent"] == "SUBSCRIBE"
    assert row["sms_marketing_timestamp"] == "2026-02-01T00:00:00Z"
    assert reason_of(run(portal(job(only)), config=EXPLICIT)) == "consent_missing"


@pytest.mark.parametrize("at", [None, "yesterday", "2026-02-30"])
def test_r8_a_grant_without_a_readable_date_is_dated_by_starting(at: object) -> None:
    only = subject(sms_marketing_consent="yes", sms_marketing_timestamp=at)
    row = row_of(run(portal(job(only)), config=EXPLICIT))
    assert row["sms_marketing_timestamp"] == "2026-02-01T00:00:00Z"


def test_r8_no_date_at_all() -> None:
    unknown = [activity(starting=None)]
    granted = subject(sms_marketing_consent="yes")
    assert reason_of(run(portal(job(granted), unknown))) == "consent_missing"
    assert reason_of(run(portal(job(subject()), unknown))) == "consent_missing"


@pytest.mark.parametrize(
    ("starting", "reason"),
    [
        ("2026-03-01T12:00:00Z", ""),
        ("2026-03-01T12:00:00.000001Z", "consent_missing"),
        ("2026-03-02", "consent_missing"),
        ("2025-03-01T12:00:00Z", ""),
        ("2025-03-01T07:00:00-05:00", ""),
        ("2025-03-01T11:59:59.999999Z", "consent_expired"),
        ("2024-01-01", "consent_expired"),
    ],
)
def test_r8_dates_around_as_of_and_the_age(starting: str, reason: str) -> None:
    result = run(portal(job(subject()), [activity(starting=starting)]))
    assert [row["reason"] for row in result.excluded] == ([reason] if reason else [])


def test_r8_the_age_is_a_variable() -> None:
    raw = portal(job(subject()), [activity(starting="2026-02-19T12:00:00Z")])
    assert reason_of(run(raw, consent_max_age_days=9)) == "consent_expired"
    assert row_of(run(raw, consent_max_age_days=10))


def test_r8_a_denial_is_one_without_any_date() -> None:
    raw = portal(job(subject(sms_marketing_consent="no")), [activity(starting=None)])
    assert reason_of(run(raw)) == "consent_denied"


@pytest.mark.parametrize(
    ("consent", "at", "expected", "expected_at"),
    [
        ("yes", "2020-01-01", "SUBSCRIBE", "2020-01-01T00:00:00Z"),
        ("no", "2030-01-01", "UNSUBSCRIBE", "2030-01-01T00:00:00Z"),
        (False, None, "UNSUBSCRIBE", "2026-02-01T00:00:00Z"),
        (True, "soon", "SUBSCRIBE", "2026-02-01T00:00:00Z"),
        ("maybe", "2026-02-10", "SUBSCRIBE", "2026-02-01T00:00:00Z"),
        (None, None, "SUBSCRIBE", "2026-02-01T00:00:00Z"),
    ],
)
def test_r8_transactional_consent_is_only_shown(
    consent: object, at: object, expected: str, expected_at: str
) -> None:
    row = row_with(sms_transactional_consent=consent, sms_transactional_timestamp=at)
    assert row["sms_transactional_consent"] == expected
    assert row["sms_transactional_timestamp"] == expected_at


def test_r8_transactional_consent_without_any_date() -> None:
    only = subject(sms_marketing_consent="yes", sms_marketing_timestamp="2026-02-10")
    row = row_of(run(portal(job(only), [activity(starting=None)])))
    assert row["sms_transactional_consent"] == "SUBSCRIBE"
    assert row["sms_transactional_timestamp"] == ""

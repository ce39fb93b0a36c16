"""The suppression list that goes with a world."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import phonenumbers
import pytest

from extract.sandbox import World, generate, suppressions
from tests.sandbox.raw import (
    GRANTS,
    TODAY,
    Subject,
    granted_at,
    is_textable,
    phone_texts,
    read_time,
    subjects,
    word,
)


@pytest.fixture(scope="module")
def rows(world: World) -> list[dict[str, str]]:
    return suppressions(world)


def e164(text: str) -> str:
    number = phonenumbers.parse(text.strip(), "US")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def phones(subject: Subject) -> set[str]:
    texts = phone_texts(subject)
    return {e164(text) for text in texts if is_textable(text, "US")}


def stopped(rows: list[dict[str, str]]) -> dict[str, datetime]:
    """The suppressed phones, each with its latest time."""
    found: dict[str, datetime] = {}
    for row in rows:
        at = read_time(row["suppressed_at"])
        if row["channel"] == "sms" and at:
            phone = e164(row["address"])
            found[phone] = max(at, found.get(phone, at))
    return found


def test_the_same_world_gives_the_same_rows(
    world: World, rows: list[dict[str, str]]
) -> None:
    assert suppressions(world) == rows
    assert suppressions(generate(6, 40, 1, TODAY)) == rows


def test_rows_have_the_four_columns_and_readable_times(
    rows: list[dict[str, str]],
) -> None:
    columns = {tuple(row) for row in rows}
    assert columns == {("channel", "address", "suppressed_at", "reason")}
    assert {row["channel"] for row in rows} == {"sms", "email"}
    times = [read_time(row["suppressed_at"]) for row in rows]
    assert all(time and time < datetime(2026, 3, 15, tzinfo=UTC) for time in times)
    assert len({len(row["suppressed_at"]) for row in rows}) > 1


def test_addresses_are_valid_and_written_in_many_ways(
    rows: list[dict[str, str]],
) -> None:
    sms = [row["address"] for row in rows if row["channel"] == "sms"]
    mails = [row["address"] for row in rows if row["channel"] == "email"]
    assert all(is_textable(text, region) for text in sms for region in ("US", "CA"))
    assert len({"".join(c for c in text if not c.isdigit()) for text in sms}) > 8
    assert any(text != text.strip() for text in mails)
    assert any(text != text.lower() for text in mails)
    assert max(Counter(map(e164, sms)).values()) > 1


def test_some_stops_are_lifted_by_a_later_grant_and_some_are_not(
    world: World, rows: list[dict[str, str]]
) -> None:
    at = stopped(rows)
    for portal in world["portals"].values():
        times = [
            (granted_at(subject), at[phone])
            for subject in subjects(portal)
            for phone in phones(subject) & set(at)
        ]
        assert any(granted and granted > stop for granted, stop in times)
        assert any(granted and granted < stop for granted, stop in times)


def test_webshop_consent_is_suppressed_too(
    world: World, rows: list[dict[str, str]]
) -> None:
    at = stopped(rows)
    webshop = [s for s in subjects(world["portals"]["1"]) if word(s.row) not in GRANTS]
    assert any(phones(subject) & set(at) for subject in webshop)


def test_some_subjects_keep_a_route_and_some_lose_all(
    portal: Any, rows: list[dict[str, str]]
) -> None:
    at = stopped(rows)
    known = [phones(subject) for subject in subjects(portal)]
    assert any(found and found <= set(at) for found in known)
    assert any(found & set(at) and found - set(at) for found in known)
    assert not set(at) <= set().union(*known)


def test_empty_worlds_have_hardly_any_suppressions() -> None:
    assert len(suppressions(generate(0, 0, 1, TODAY))) == 1

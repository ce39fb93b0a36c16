"""A world's size, its sameness, and what all its data has in common."""

import json
import re
import subprocess
import sys
import time
from datetime import date, timedelta
from typing import Any

import phonenumbers
import pytest

from extract.sandbox import World, generate
from extract.sandbox.cases import CASES
from extract.sandbox.plan import Plan
from extract.sandbox.words import (
    BAD_PHONES,
    CA_AREAS,
    PHONE_FORMATS,
    US_AREAS,
    turn,
)
from extract.sandbox.world import lazy_portal, plain_portal
from tests.sandbox.raw import (
    REGIONS,
    TODAY,
    is_textable,
    phone_texts,
    subjects,
    user_of,
)


def test_the_same_arguments_give_the_same_world(world: World) -> None:
    assert json.dumps(generate(6, 40, 1, TODAY)) == json.dumps(world)


def test_another_seed_gives_other_people(world: World) -> None:
    other = generate(6, 40, 2, TODAY)
    for key, portal in world["portals"].items():
        assert not set(portal["jobs"]) & set(other["portals"][key]["jobs"])


def test_a_changed_world_leaves_the_next_one_alone(world: World) -> None:
    first = generate(2, 20, 5, TODAY)
    untouched = json.dumps(first)
    for portal in first["portals"].values():
        portal["activities"][0]["name"] = "changed"
        for subject in subjects(portal):
            for value in subject.row.values():
                if isinstance(value, list | dict):
                    value.clear()
    assert json.dumps(first) != untouched
    assert json.dumps(generate(2, 20, 5, TODAY)) == untouched


def test_dates_are_counted_back_from_today() -> None:
    shift = timedelta(days=1000)
    early, late = (generate(4, 20, 1, day) for day in (TODAY, TODAY + shift))
    days = re.compile(r"(\d{4}-\d\d-\d\d)(?=[T\" ])")
    unmoved = re.compile('"0000-00-00 00:00:00"|"2025-02-30"|"date": "2025-09-01"')

    def found(world: World) -> list[str]:
        return days.findall(unmoved.sub("", json.dumps(world)))

    moved = [(date.fromisoformat(day) + shift).isoformat() for day in found(early)]
    assert moved == found(late)
    assert len(moved) > 100


@pytest.mark.parametrize(("jobs", "size"), [(0, 40), (1, 0), (1, 1), (3, 7), (2, 300)])
def test_sizes(jobs: int, size: int) -> None:
    world = generate(jobs, size, seed=3, today=TODAY)
    assert list(world["portals"]) == ["1", "2"]
    for portal in world["portals"].values():
        assert len(portal["jobs"]) == jobs
        assert {a["job"]["uuid"] for a in portal["activities"]} == set(portal["jobs"])
        for job in portal["jobs"].values():
            listed = {row["uuid"] for row in job["buyers"] + job["non_buyers"]}
            assert len(listed) == size
    json.dumps(world, allow_nan=False)


def test_a_thousand_jobs_start_at_once_and_are_made_when_asked_for() -> None:
    # Its own work alone: a busy machine makes it slower, but no longer.
    began = time.process_time()
    world = generate(1000, 100, seed=1, today=TODAY)
    assert time.process_time() - began < 2
    for portal in world["portals"].values():
        assert len(portal["jobs"]) == 1000
        uuid = next(reversed(list(portal["jobs"])))
        job = portal["jobs"][uuid]
        assert len({row["uuid"] for row in job["buyers"] + job["non_buyers"]}) == 100
        known = [user_of(row) for row in job["registrations"]]
        assert sum(user in portal["users"] for user in known) > len(known) / 2
        assert "nobody" not in portal["users"]
        assert "-" * 36 not in portal["users"]
        assert "f" * 36 not in portal["users"]
        assert "none" not in portal["jobs"]


@pytest.mark.parametrize("explicit", [False, True])
def test_a_world_made_when_asked_for_is_the_same(explicit: bool) -> None:
    plan = Plan(4, "1", 5, 30, TODAY, "USA", US_AREAS, explicit=explicit)
    lazy, plain = lazy_portal(plan), plain_portal(plan)
    assert dict(lazy["jobs"]) == plain["jobs"]
    assert dict(lazy["users"]) == plain["users"]
    assert len(lazy["users"]) == len(plain["users"])
    assert lazy["activities"] == plain["activities"]


def test_all_cases_fit_into_a_world_of_the_default_size() -> None:
    case_subjects = 6 * 40 * 3 // 10
    assert len(CASES) <= case_subjects


def test_no_uuid_is_used_twice(portal: Any) -> None:
    uuids = [s.row["uuid"] for s in subjects(portal)]
    uuids += [*portal["jobs"], *portal["users"]]
    uuids += [activity["uuid"] for activity in portal["activities"]]
    assert len(set(uuids)) == len(uuids)


def test_every_phone_and_email_is_fictional(portal: Any) -> None:
    texts = [text for s in subjects(portal) for text in phone_texts(s)]
    numbers = [re.sub(r"\D", "", text) for text in texts if is_textable(text, "US")]
    assert len(numbers) > 200
    assert {re.sub(r"^1?[2-9]\d\d", "", number)[:5] for number in numbers} == {"55501"}
    domains = re.findall(r"@([\w-]+\.[\w.]*\w)", json.dumps(portal))
    examples = {"example.com", "example.org", "example.net"}
    assert {domain.lower() for domain in domains} == examples


@pytest.mark.parametrize(("areas", "region"), [(US_AREAS, "US"), (CA_AREAS, "CA")])
def test_area_codes_are_of_their_region_and_textable(
    areas: tuple[str, ...], region: str
) -> None:
    for n, text in enumerate(PHONE_FORMATS * 6):
        written = text.format(a=turn(n, areas), l=100 + n % 100)
        assert is_textable(written, region), written
        number = phonenumbers.parse(written.strip(), region)
        assert phonenumbers.region_code_for_number(number) == region


@pytest.mark.parametrize("region", REGIONS.values())
def test_bad_phones_are_not_textable_though_some_are_valid(region: str) -> None:
    assert not [text for text in BAD_PHONES if is_textable(str(text), region)]
    toll_free = phonenumbers.parse("800-555-0199", region)
    assert phonenumbers.is_valid_number(toll_free)
    assert phonenumbers.number_type(toll_free) == phonenumbers.PhoneNumberType.TOLL_FREE


def test_importing_the_sandbox_is_cheap() -> None:
    heavy = "{'aiohttp', 'asyncio', 'json', 'random'}"
    code = f"import extract.sandbox, sys; print({heavy} & set(sys.modules))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

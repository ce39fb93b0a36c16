"""How many requests of each kind a load of the sandbox makes."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from extract.client import Ask, Credentials
from extract.load import Plan, run
from extract.logs import open_log
from extract.sandbox import (
    SANDBOX_PASSWORD,
    SANDBOX_USERNAME,
    Sandbox,
    World,
    generate,
    serve,
)
from tests.extract.loading import IMPATIENT, portal_at, without_times

TODAY = date(2026, 11, 20)
JOBS, SUBJECTS = 1, 100


@dataclass(frozen=True)
class Loaded:
    """The requests of a load, and its rows."""

    asked: Counter[str]
    requests: int
    rows: dict[str, list[str]]


def load(sandbox: Sandbox, landing: Path) -> Loaded:
    """Make a load of the sandbox's first portal."""
    sandbox.asked.clear()
    before = sandbox.requests
    credentials = Credentials(SANDBOX_USERNAME, SANDBOX_PASSWORD)
    ask = Ask(portal_at(f"{sandbox.url}/1/api/v1"), credentials, rate=0)
    plan = Plan([ask], landing, concurrency=8, patience=IMPATIENT)
    facts = run(plan, open_log("json"))
    made = sandbox.requests - before
    assert facts["requests"] == made == sandbox.asked.total()
    return Loaded(Counter(sandbox.asked), made, without_times(landing))


def load_twice(world: World, landing: Path) -> tuple[Loaded, Loaded]:
    """Make two loads of a portal that does not change, in pages of 100."""
    with serve(world, page_size=100, whole_pages=True) as sandbox:
        return load(sandbox, landing), load(sandbox, landing)


# Every list fits one page: the activities, and four for each job.
LISTS = {"activities": 1, "job": JOBS, "subjects": 2 * JOBS, "registrations": JOBS}


def test_a_second_load_makes_at_most_five_requests_a_job(tmp_path: Path) -> None:
    world = generate(JOBS, SUBJECTS, 1, TODAY, plain=True)
    first, second = load_twice(world, tmp_path)
    each = {
        "access-keys": JOBS * SUBJECTS,
        "user": len(world["portals"]["1"]["users"]),
    }
    assert first.asked == {**LISTS, **each}
    assert second.asked == LISTS
    assert second.requests <= 5 * JOBS
    assert second.rows == first.rows


def test_only_missing_keys_and_users_cost_more_requests(tmp_path: Path) -> None:
    first, second = load_twice(generate(JOBS, SUBJECTS, 1, TODAY), tmp_path)
    rows = first.rows
    without_key = sum("'access_keys': []" in row for row in rows["access_keys"])
    gone = sum("'is_gone': True" in row for row in rows["users"])
    assert without_key > 0 < gone
    assert second.asked == {**LISTS, "access-keys": without_key, "user": gone}
    assert second.rows == rows


def test_only_existing_pages_are_asked_for(tmp_path: Path) -> None:
    world = generate(2, 30, 1, TODAY)
    with serve(world, page_size=10, whole_pages=True) as sandbox:
        load(sandbox, tmp_path)
        again = load(sandbox, tmp_path)
    lists = {"subjects": ("buyers", "non_buyers"), "registrations": ("registrations",)}
    for entity, parts in lists.items():
        sizes = [len(job[part]) for job in jobs_of(world) for part in parts]
        assert again.asked[entity] == sum(max(1, -(-size // 10)) for size in sizes)
        assert max(sizes) > 10


def jobs_of(world: World) -> list[dict[str, Any]]:
    """Return the jobs of the world's first portal."""
    return [*world["portals"]["1"]["jobs"].values()]

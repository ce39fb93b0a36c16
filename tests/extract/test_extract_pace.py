"""Requests in flight and requests a second, as the portal counts them."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from extract.load import Plan, run
from extract.logs import open_log
from tests.extract.fake_portal import Turns
from tests.extract.loading import ask, load, studio
from tests.extract.virtual_time import serve_in_virtual_time


def most_in_a_second(times: Iterable[float]) -> int:
    """Return the largest number of arrivals in any second."""
    arrived = sorted(times)
    return max(sum(at <= one < at + 1 for one in arrived) for at in arrived)


@pytest.mark.parametrize(("concurrency", "latency"), [(1, 0.01), (3, 0.03), (16, 0.2)])
def test_the_allowed_concurrency_is_used_and_kept(
    tmp_path: Path, concurrency: int, latency: float
) -> None:
    with serve_in_virtual_time(studio(subjects=60), latency=latency) as (portal,):
        load(portal.base_url, tmp_path, concurrency=concurrency)
    assert portal.peak == concurrency


@pytest.mark.parametrize(("rate", "latency"), [(20, 0.01), (10, 0.6)])
def test_the_rate_is_never_exceeded_in_any_second(
    tmp_path: Path, rate: int, latency: float
) -> None:
    routes = studio(subjects=rate + 5)
    with serve_in_virtual_time(routes, latency=latency) as (portal,):
        load(portal.base_url, tmp_path, rate=rate, concurrency=16)
    seconds = portal.seen[-1].at - portal.seen[0].at
    assert most_in_a_second(one.at for one in portal.seen) <= rate
    # A slow answer holds its place for half a second more at the most.
    assert len(portal.seen) / seconds > rate / 4


def test_concurrent_portals_each_keep_both_limits(tmp_path: Path) -> None:
    with serve_in_virtual_time(studio(20), studio(20), latency=0.2) as (one, other):
        asks = [ask(one.base_url, "one", 12), ask(other.base_url, "other", 12)]
        run(Plan(asks, tmp_path, concurrency=3), open_log("json"))
    for portal in (one, other):
        assert len(portal.seen) == 26
        assert portal.peak <= 3
        assert most_in_a_second(arrival.at for arrival in portal.seen) <= 12
    assert one.seen[0].at < other.seen[-1].at
    assert other.seen[0].at < one.seen[-1].at


def test_after_a_429_a_portal_is_asked_at_half_the_speed(tmp_path: Path) -> None:
    routes = studio(subjects=40)
    first = "/jobs/j1/subjects/s0/accesskeys"
    routes[first] = Turns((429, {"Retry-After": "1"}), ["K"])
    with serve_in_virtual_time(routes) as (portal,):
        load(portal.base_url, tmp_path, rate=20, concurrency=2)
    told = next(one.at for one in portal.seen if portal.path(one) == first)
    after = [one.at for one in portal.seen if one.at > told + 0.5][:20]
    assert len(after) == 20
    # Ten at first, and little by little more.
    assert most_in_a_second(after) <= 14


def test_a_late_request_does_not_join_a_full_second(tmp_path: Path) -> None:
    with serve_in_virtual_time(studio(subjects=30)) as (portal,):
        portal.on_its_way["/jobs/j1/subjects/s12/accesskeys"] = 0.4
        load(portal.base_url, tmp_path, rate=12, concurrency=8)
    assert most_in_a_second(one.at for one in portal.seen) <= 12


def test_a_pause_holds_for_all_requests_to_that_portal_alone(tmp_path: Path) -> None:
    pause = (429, {"Retry-After": "1"})
    slow_routes, other_routes = studio(subjects=20), studio(subjects=20)
    first = "/jobs/j1/subjects/s10/accesskeys"
    slow_routes[first] = Turns(pause, ["K"])
    both = (slow_routes, other_routes)
    with serve_in_virtual_time(*both, latency=0.01) as (slow, other):
        plan = Plan(
            asks=[ask(slow.base_url, "slow"), ask(other.base_url, "other")],
            landing=tmp_path,
            concurrency=4,
        )
        run(plan, open_log("json"))
    told = next(one.at for one in slow.seen if slow.path(one) == first) + 0.01
    meanwhile = [one for one in slow.seen if told + 0.1 < one.at < told + 0.9]
    assert meanwhile == []
    assert sum(one.at > told + 0.9 for one in slow.seen) > 10
    assert other.seen[-1].at < told + 0.9
    assert slow.asked(first) == 2


def test_a_request_that_waits_to_retry_lets_others_go(tmp_path: Path) -> None:
    routes = studio(subjects=30)
    routes["/jobs/j1/subjects/s0/accesskeys"] = Turns(500, 500, ["K"])
    with serve_in_virtual_time(routes, latency=0.005) as (portal,):
        load(portal.base_url, tmp_path, concurrency=1, first_wait=0.2, longest_wait=0.4)
    paths = [portal.path(one) for one in portal.seen]
    again = [n for n, path in enumerate(paths) if "/s0/accesskeys" in path]
    assert len(again) == 3
    assert again[-1] - again[0] > 10

"""A recorder that is killed at any step leaves no half segment and loses no stop."""

import signal
from pathlib import Path

import pytest

from publish.promotion import verify
from publish.root import Root
from publish.suppressions.ledger import read_ledger, record
from tests.publish.killing import killer, root_of
from tests.publish.people import Person, build_people, promoted, subjects
from tests.publish.publishing import RUN_A, RUN_B, RUN_C
from tests.suppressions.writing import HEADER, A, B, listed, row, segments

NOON = "2025-01-31T12:00:00Z"
MOST_STEPS = 60
MOST_BUILD_STEPS, STRIDE = 400, 9


def test_a_recorder_killed_at_any_step_is_finished_by_the_next(
    root: Root, tmp_path: Path
) -> None:
    before = listed(tmp_path, HEADER + row(A, NOON), "before.csv")
    path = listed(tmp_path, HEADER + row(A, NOON) + row(B, NOON))
    seen = set()
    with killer() as start:
        for step in range(1, MOST_STEPS):
            place = root_of(f"{root.address()}/{step}")
            record(place, before)
            old = segments(place)
            status = start(step, "record", place.address(), str(path))
            assert status in (0, -signal.SIGKILL)
            new = segments(place)
            assert old.items() <= new.items()
            # The new segment is there whole, or not at all.
            is_there = ("sms", B) in read_ledger(place).suppressed
            assert len(new) == len(old) + is_there
            seen.add(is_there)
            assert record(place, path).added == (not is_there)
            assert {("sms", A), ("sms", B)} <= read_ledger(place).suppressed.keys()
            assert not (place.staging / "suppressions").exists()
            if status == 0:
                break
    assert status == 0
    assert seen == {False, True}


def test_a_build_killed_after_recording_loses_no_stop(
    root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SUPPRESSIONS_CSV", raising=False)
    path = str(listed(tmp_path, HEADER + row(A, NOON)))
    seen, status = set(), -1
    with killer() as start:
        for step in range(1, MOST_BUILD_STEPS, STRIDE):
            place = root_of(f"{root.address()}/{step}")
            build_people(RUN_A, [Person("s1", A), Person("s2", B)])
            status = start(step, "build with list", place.address(), path, RUN_B)
            assert status in (0, -signal.SIGKILL)
            is_recorded = ("sms", A) in read_ledger(place).suppressed
            is_promoted = promoted(place)["run_id"] == RUN_B
            # Nothing is promoted before the stop is in the ledger.
            assert is_recorded or not is_promoted
            seen.add((is_recorded, is_promoted))
            assert start(0, "build with list", place.address(), path, RUN_C) == 0
            assert subjects(place) == ["s2"]
            assert verify(place, RUN_C) == []
            if status == 0:
                break
    assert status == 0
    assert seen == {(False, False), (True, False), (True, True)}

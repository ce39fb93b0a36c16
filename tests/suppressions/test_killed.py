"""A recorder that is killed at any step leaves no half segment and loses no stop."""

import signal
from pathlib import Path

from publish.root import Root
from publish.suppressions.ledger import read_ledger, record
from tests.publish.killing import killer, root_of
from tests.suppressions.writing import HEADER, A, B, listed, row, segments

NOON = "2025-01-31T12:00:00Z"
MOST_STEPS = 60


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

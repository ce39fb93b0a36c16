"""Processes that record at the same time lose no stop, whatever lock they share."""

import subprocess
import sys
from pathlib import Path

import pytest

from publish.root import Root
from publish.suppressions.ledger import read_ledger
from tests.suppressions.writing import segments

PROCESSES, LISTS = 4, 6
PROJECT = Path(__file__).parents[2]
# Records lists of one stop each, and one that all processes have; compacts often.
RECORDER = """
import sys
from pathlib import Path
from publish.settings import export_root
from publish.suppressions import ledger
folder, first, lists = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
ledger.MOST_LOOSE = 4
root = export_root()
sys.stdin.readline()
for number in range(first, first + lists):
    path = folder / f"{number}.csv"
    phones = f"+1206555{100 + number:04}", f"+1206555{199 - number % lists:04}"
    rows = "".join(f"sms,{p},2025-01-31T12:00:00Z,STOP,stop\\n" for p in phones)
    path.write_text("channel,address,suppressed_at,reason,action\\n" + rows)
    ledger.record(root, path)
"""


def test_no_stop_is_lost(
    root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = []
    for number in range(PROCESSES):
        # Each process is on another machine, so that in a bucket no lock holds.
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / f"state {number}"))
        arguments = (str(tmp_path), str(number * LISTS), str(LISTS))
        process = subprocess.Popen(
            [sys.executable, "-c", RECORDER, *arguments],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        running.append(process)
    for process in running:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    for process in running:
        _, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, b"")
    expected = {f"+1206555{100 + n:04}" for n in range(PROCESSES * LISTS)}
    expected |= {f"+1206555{199 - n:04}" for n in range(LISTS)}
    found = read_ledger(root)
    assert {phone for _, phone in found.suppressed} >= expected
    # Compacting has removed no segment.
    assert set(found.segments) <= segments(root).keys()
    assert any(name.startswith("compacted/") for name in segments(root))

"""Whoever reads while runs are promoted and rolled back sees one run, and all of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from publish.promotion import promote
from publish.root import Root
from publish.settings import export_root
from tests.publish.publishing import RUN_A, RUN_B, RUN_C, build

RUNS = [RUN_A, RUN_B, RUN_C]
SECONDS = 120


def move_while_reading(root: Root, passes: int) -> list[str]:
    """Promote three runs in turn until a consumer is done; return the runs it saw."""
    address = root.address().rstrip("/")
    command = [sys.executable, "-m", "tests.storage.consumer", address, str(passes)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ,
    ) as consumer:
        moves = 0
        while consumer.poll() is None:
            promote(root, RUNS[moves % 3], root.current().version)
            moves += 1
        output, _ = consumer.communicate(timeout=SECONDS)
    assert consumer.returncode == 0, output
    assert moves > len(RUNS)
    return output.split()


def test_a_reader_of_a_folder_never_sees_a_mixture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPORT_ROOT", str(tmp_path / "exports"))
    for run_id in RUNS:
        build(run_id)
    seen = move_while_reading(export_root(), passes=200)
    assert len(seen) == 200
    assert set(seen) == set(RUNS)

"""Whoever reads while runs are promoted and rolled back sees one run, and all of it."""

import itertools
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


def move_while_reading(root: Root) -> None:
    """Promote the runs in turn until a consumer has seen enough, or what is wrong."""
    command = [sys.executable, "-m", "tests.storage.consumer", root.address(), *RUNS]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as consumer:
        for run_id in itertools.cycle(RUNS):
            if consumer.poll() is not None:
                break
            promote(root, run_id, root.current().version)
        output, _ = consumer.communicate(timeout=SECONDS)
    assert (consumer.returncode, output) == (0, "")


def test_a_reader_of_a_folder_never_sees_a_mixture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPORT_ROOT", str(tmp_path / "exports"))
    for run_id in RUNS:
        build(run_id)
    move_while_reading(export_root())


@pytest.mark.usefixtures("s3_root")
def test_a_reader_of_a_bucket_never_sees_a_mixture() -> None:
    for run_id in RUNS:
        build(run_id)
    move_while_reading(export_root())

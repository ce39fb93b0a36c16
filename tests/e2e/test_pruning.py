"""A load that a build reads is not pruned, however new the current one is."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

from tests.e2e.conftest import Loaded, separate_exports
from tests.e2e.project import BIN, read_json

NEWER = "29990101T000000000000Z-00000000"


def test_a_load_stays_while_a_build_reads_it(loaded: Loaded, tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    shutil.copytree(loaded[0].landing, landing, symlinks=True)
    project = separate_exports(loaded[0], tmp_path)
    project = project.with_environment(LANDING_DIR=str(landing))
    read = (landing / "current").readlink().name
    build = subprocess.Popen(
        [BIN / "dbt", "run", "--select", "stg_portal__loads", "stg_portal__users"],
        cwd=project.folder,
        env={**project.environment, "PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert build.stdout is not None
    try:
        while f"Reading load {read}" not in (line := build.stdout.readline()):
            assert line
        build.send_signal(signal.SIGSTOP)
        make_current(landing, read)
        kept = project.run("extract", "prune", "--keep", "0").output
        build.send_signal(signal.SIGCONT)
        output, _ = build.communicate(timeout=120)
    finally:
        build.kill()
    assert build.returncode == 0, output
    assert f"kept     {read}  a build or a load reads it\n" in kept
    gone = project.run("extract", "prune", "--keep", "0").output
    assert f"removed  {read}  " in gone
    assert [one.name for one in (landing / "loads").iterdir()] == [NEWER]


def make_current(landing: Path, load_id: str) -> None:
    """Make a newer load of the same rows current."""
    newer = landing / "loads" / NEWER
    shutil.copytree(landing / "loads" / load_id, newer)
    facts = read_json(newer / "load.json") | {"load_id": NEWER}
    (newer / "load.json").write_text(json.dumps(facts))
    (landing / "current").unlink()
    (landing / "current").symlink_to(f"loads/{NEWER}")

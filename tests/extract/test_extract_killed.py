"""Loads that are killed, or whose writes are refused, at each system call.

strace does the killing and the refusing. After each fault the landing is what it was or
what it was to become, and the next load gives the same rows with nothing cleaned up.
"""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.extract.fake_portal import FakePortal, serve
from tests.extract.loading import (
    PERSONAL,
    SECRETS,
    SMS,
    credentials,
    load,
    project,
    school,
    staged,
    without_times,
)

KEY = "studio0"


@dataclass(frozen=True)
class Stage:
    """A project with a load, its portal, and its rows."""

    folder: Path
    portal: FakePortal
    rows: dict[str, list[str]]

    @property
    def landing(self) -> Path:
        """The landing of the project."""
        return self.folder / "landing"

    def load(self) -> None:
        """Make an undisturbed load."""
        load(self.portal.base_url, self.landing, key=KEY)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return a project with a load; each test adds a newer one of the same rows."""
    with serve(school(2)) as portal:
        folder = project(tmp_path_factory.mktemp("killed"), portal)
        load(portal.base_url, folder / "landing", key=KEY)
        yield Stage(folder, portal, without_times(folder / "landing", KEY))


def load_with(stage: Stage, fault: str) -> subprocess.CompletedProcess[str]:
    """Make a load with a fault in one of its system calls."""
    name = fault.partition(":")[0]
    strace = ["strace", "-f", "-qqq", "-o", "/dev/null", "-e", f"trace={name}"]
    return subprocess.run(
        [*strace, "-e", f"inject={fault}", SMS, "extract", "load", "--rate", "0"],
        cwd=stage.folder,
        env=credentials(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def assert_current_is_whole(stage: Stage) -> None:
    """Check what a reader of the landing sees."""
    assert without_times(stage.landing, KEY) == stage.rows
    described = json.loads((stage.landing / "current" / "load.json").read_text())
    assert described["load_id"] == (stage.landing / "current").readlink().name
    for folder in (stage.landing / "loads").iterdir():
        assert (folder / "load.json").is_file()


def assert_converges(stage: Stage, output: str) -> None:
    """Check the landing after a fault, and after the next load."""
    assert_current_is_whole(stage)
    assert not [word for word in (*PERSONAL, *SECRETS) if word in output]
    assert "Traceback" not in output
    assert len(staged(stage.landing)) <= 1
    stage.load()
    assert_current_is_whole(stage)
    assert staged(stage.landing) == []


# strace counts the calls of each thread: none is named here that the engine's own
# threads share among them as it happens.
KILLS = {
    "mkdir": (2, 9),
    "flock": (3,),
    "write": (4, 16),
    "pwrite64": (2,),
    "fsync": (9, 12),
    "rename": (1, 3, 4),
    "symlink": (1,),
    "unlinkat": (12,),
}


@pytest.mark.parametrize(
    ("call", "number"),
    [(call, number) for call, numbers in KILLS.items() for number in numbers],
)
def test_a_load_can_be_killed_at_any_system_call(
    stage: Stage, call: str, number: int
) -> None:
    killed = load_with(stage, f"{call}:signal=KILL:when={number}")
    assert killed.returncode == -9, "the load has fewer of these calls"
    assert_converges(stage, killed.stdout + killed.stderr)


REFUSALS = [
    "mkdir:error=EROFS:when=2+",
    "pwrite64:error=ENOSPC:when=2+",
    "fsync:error=ENOSPC:when=3+",
    "rename:error=EROFS:when=1",
    "rename:error=ENOSPC:when=3",
    "symlink:error=ENOSPC:when=1",
]


@pytest.mark.parametrize("fault", REFUSALS)
def test_a_refused_write_is_one_line(stage: Stage, fault: str) -> None:
    refused = load_with(stage, fault)
    assert refused.returncode == 30, refused.stderr
    assert refused.stderr.count("\n") == 1
    assert "landing" in refused.stderr
    assert_converges(stage, refused.stdout + refused.stderr)

"""A standard output that is full or closed."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.extract.fake_portal import serve
from tests.extract.loading import SMS, credentials, extract, landed, project, studio

SANDBOX = ["sandbox", "--port", "0", "--jobs", "1", "--subjects", "1"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a project with a load, while its portal is running."""
    with serve(studio()) as portal:
        folder = project(tmp_path_factory.mktemp("output"), portal)
        assert extract(folder, "load").returncode == 0
        yield folder


@contextmanager
def unheard() -> Iterator[int]:
    """Return the end of a pipe whose other end is closed."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


def run(folder: Path, command: list[str], stdout: int) -> tuple[int, str]:
    """Run a command; return its exit code and standard error."""
    done = subprocess.run(
        [SMS, "extract", *command],
        cwd=folder,
        env=credentials(),
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("command", [["--help"], ["load"]], ids=" ".join)
def test_a_full_output_is_one_line(folder: Path, command: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        code, error = run(folder, command, full.fileno())
    assert (code, error) == (30, "sms: standard output: No space left on device\n")


@pytest.mark.parametrize(
    "command", [["load"], ["prune", "--keep", "0"], SANDBOX], ids=" ".join
)
def test_a_closed_pipe_ends_a_load_quietly(folder: Path, command: list[str]) -> None:
    with unheard() as stdout:
        assert run(folder, command, stdout) == (141, "")


def test_a_load_needs_no_standard_output(folder: Path) -> None:
    before = (folder / "landing" / "current").readlink()
    done = subprocess.run(
        ["sh", "-c", f"exec {SMS} extract load >&- 2>&-"],
        cwd=folder,
        env=credentials(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert (folder / "landing" / "current").readlink() != before
    assert len(landed(folder / "landing", "subjects", "studio0")) == 3


def test_an_error_without_standard_error_keeps_its_code(folder: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f"exec {SMS} extract prune 2>/dev/full"], cwd=folder, check=False
    )
    assert done.returncode == 2

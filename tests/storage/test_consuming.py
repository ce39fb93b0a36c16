"""What docs/consuming.md tells a consumer to do is done here, word for word."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.publish.publishing import RUN_A, build
from tests.storage.policies import new_user, prefix_of
from tests.storage.server import BUCKET, Server

SOURCE = Path(__file__).parents[2]
DOCUMENT = (SOURCE / "docs" / "consuming.md").read_text()
SCHEMA = SOURCE / "publish" / "schemas" / "audience.schema.json"
RUN = Path("runs", RUN_A)
type Check = Callable[[Path], subprocess.CompletedProcess[str]]


def block(language: str, part: str) -> str:
    """The code of a language in the part of the document under a heading."""
    text = DOCUMENT.split(f"\n## {part}\n")[1].split("\n## ")[0]
    (code,) = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return str(code)


def run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


def in_shell(folder: Path) -> subprocess.CompletedProcess[str]:
    return run("sh", "-c", block("sh", "Checking them"), folder=folder)


def in_python(folder: Path) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, "-c", block("python", "Checking them"), folder=folder)


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with a promoted run, as a consumer has it at hand."""
    monkeypatch.setenv("EXPORT_ROOT", str(tmp_path / "root"))
    build(RUN_A)
    return tmp_path / "root"


CHECKS = [pytest.param(in_shell, id="shell"), pytest.param(in_python, id="python")]


@pytest.mark.parametrize("check", CHECKS)
def test_what_was_promoted_passes_the_check(check: Check, published: Path) -> None:
    done = check(published)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize(
    "path", ["sandbox2/non_buyers.csv", "sandbox1/buyers.csv", "manifest.json"]
)
def test_one_byte_more_fails_it(check: Check, path: str, published: Path) -> None:
    with (published / RUN / path).open("ab") as file:
        file.write(b"\n")
    assert check(published).returncode != 0


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("path", ["sandbox1/buyers.csv", "manifest.json"])
def test_a_missing_file_fails_it(check: Check, path: str, published: Path) -> None:
    (published / RUN / path).unlink()
    assert check(published).returncode != 0


@pytest.mark.parametrize("check", CHECKS)
def test_nothing_promoted_fails_it(check: Check, published: Path) -> None:
    (published / "current.json").unlink()
    assert check(published).returncode != 0


def test_some_of_the_files_can_be_checked(published: Path) -> None:
    for file in (published / RUN).rglob("*.csv"):
        if file.name != "buyers.csv":
            file.unlink()
    some = block("sh", "Checking them").rstrip(")\n") + " --ignore-missing)"
    assert run("sh", "-c", some, folder=published).returncode == 0
    (published / RUN / "sandbox1" / "buyers.csv").write_text("")
    assert run("sh", "-c", some, folder=published).returncode != 0


def test_the_columns_are_those_of_the_files() -> None:
    part = DOCUMENT.split("\n## The columns")[1]
    described = re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)
    assert described == json.loads(SCHEMA.read_text())["$defs"]["contact"]["required"]


def test_what_is_fetched_with_the_readers_policy_passes_the_check(
    s3_server: Server, s3_root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(RUN_A)
    reader = new_user(s3_server, "reader", s3_root)
    for name, value in s3_server.environment(reader).items():
        monkeypatch.setenv(name, value)
    fetch = block("python", "Fetching from S3")
    for said, meant in [("sms-exports", BUCKET), ("nightly", prefix_of(s3_root))]:
        fetch = fetch.replace(said, meant)
    folder = tmp_path / "fetched"
    folder.mkdir()
    assert run(sys.executable, "-c", fetch, folder=folder).returncode == 0
    assert len(list((folder / RUN).rglob("*.csv"))) == 4
    assert in_python(folder).returncode == 0
    assert in_shell(folder).returncode == 0

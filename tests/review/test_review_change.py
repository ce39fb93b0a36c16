"""Which commit a review compares with, and its errors."""

import fcntl
import json
import os
import subprocess
from errno import ENOSPC
from pathlib import Path

import pytest
from click.testing import CliRunner

from common.errors import ConfigError, DatabaseError, StorageError
from ops.review.change import review
from ops.review.cli import cli
from ops.review.differences import Difference
from ops.review.load import sandbox
from ops.review.report import Review
from ops.review.sides import Side, base_commit, build, checked_out


def git(folder: Path, *arguments: str) -> str:
    """Run git there; return its output."""
    who = ("-c", "user.name=n", "-c", "user.email=e@example.com")
    done = subprocess.run(
        ["git", "-C", str(folder), *who, *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a branch from `began`; main has a later commit."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    for name in ("began", "gone on"):
        (folder / "file").write_text(name)
        git(folder, "add", "file")
        git(folder, "commit", "--quiet", "--message", name)
    git(folder, "switch", "--quiet", "--create", "change", "main^")
    monkeypatch.chdir(folder)
    return folder


def test_base_is_the_merge_base(repository: Path) -> None:
    assert base_commit("main") == git(repository, "rev-parse", "main^")


def test_base_is_checked_out_until_the_block_ends(repository: Path) -> None:
    folder = repository / "target" / "code"

    with checked_out(base_commit("main"), folder) as project:
        assert (project / "file").read_text() == "began"
    assert not folder.exists()
    assert git(repository, "worktree", "list").count("\n") == 0


def test_a_project_below_the_repository_is_found_there(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "inner").mkdir()
    monkeypatch.chdir(repository / "inner")

    with checked_out(base_commit("main"), repository / "code") as project:
        assert project == repository / "code" / "inner"


def test_a_worktree_that_a_killed_review_left_is_replaced(repository: Path) -> None:
    folder = repository / "code"
    git(repository, "worktree", "add", "--detach", str(folder), "main")
    subprocess.run(["rm", "-r", folder], check=True)

    with checked_out(base_commit("main"), folder) as project:
        assert (project / "file").exists()


@pytest.mark.parametrize("ref", ["nowhere", "--help", ""])
def test_an_unknown_ref_is_refused(repository: Path, ref: str) -> None:
    with pytest.raises(ConfigError, match=f"^there is no branch or commit '{ref}'$"):
        base_commit(ref)


def test_without_git_the_error_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(ConfigError, match=r"^git is not installed, "):
        base_commit("main")


def test_a_full_disk_is_one_line(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "dbt_project.yml").touch()

    def full(_: Path) -> None:
        raise OSError(ENOSPC, os.strerror(ENOSPC))

    monkeypatch.setattr("ops.review.load.sandbox", full)

    failed = CliRunner().invoke(cli, ["change"])

    assert isinstance(failed.exception, StorageError)
    assert str(failed.exception) == "target/review: No space left on device"
    assert git(repository, "worktree", "list").count("\n") == 0


def test_the_findings_as_json(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "target" / "review").mkdir(parents=True)
    one = Difference("model", "int_run", ("-old", "+new"))
    found = Review(None, "head: no build", {"head": ["dbt"]}, [one], ["a"], 3, None)
    monkeypatch.setattr("ops.review.change.review", lambda *_: found)

    shown = CliRunner().invoke(cli, ["change", "--json"])

    assert isinstance(shown.exception, DatabaseError)
    assert json.loads(shown.stdout) == {
        "document": None,
        "obstacle": "head: no build",
        "failed": {"head": ["dbt"]},
        "differences": [
            {"kind": "model", "name": "int_run", "lines": ["-old", "+new"]}
        ],
        "files": ["a"],
        "file_count": 3,
        "findings": None,
    }


def test_two_reviews_do_not_share_a_folder(repository: Path) -> None:
    (repository / "dbt_project.yml").touch()
    folder = repository / "review"
    with (repository / "review.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        with pytest.raises(ConfigError, match="another review is using"):
            review("main", folder, None, None)

    assert not folder.exists()


def test_outside_the_project_no_folder_is_made(repository: Path) -> None:
    with pytest.raises(ConfigError, match=r"^run it in the project's folder"):
        review("main", repository / "target" / "review", None, None)

    assert not (repository / "target").exists()


def test_a_sandbox_that_cannot_be_loaded_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The seed of portals is missing."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError, match=r"^the sandbox was not loaded: "):
        sandbox(tmp_path)


def test_without_uv_nothing_can_be_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UV", raising=False)

    with pytest.raises(ConfigError, match="uv run sms review"):
        build(Side("head", tmp_path, tmp_path), {}, {})


@pytest.mark.parametrize(
    ("results", "failed"),
    [
        (None, ["dbt"]),
        ([("model.p.m", "success")], ["dbt"]),
        (
            [
                ("test.p.unique_m_id.5bf6ccdd26", "fail"),
                ("model.p.m", "error"),
                ("model.p.n", "skipped"),
                ("unit_test.p.m.r1", "error"),
            ],
            ["model m", "test unique_m_id", "unit_test m"],
        ),
    ],
)
def test_failed_nodes_are_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    results: list[tuple[str, str]] | None,
    failed: list[str],
) -> None:
    """A program in place of uv leaves dbt's files and fails."""
    program = tmp_path / "uv"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("UV", str(program))
    side = Side("head", tmp_path, tmp_path / "head")
    if results is not None:
        side.target.mkdir(parents=True)
        found = [{"unique_id": name, "status": status} for name, status in results]
        (side.target / "run_results.json").write_text(json.dumps({"results": found}))

    assert build(side, {}, {}) == failed

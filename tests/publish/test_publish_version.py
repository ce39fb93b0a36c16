"""The code version that a manifest carries."""

import os
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from common.version import code_version

PACKAGE_VERSION = version("sms-campaigns")


def test_outside_git_it_is_the_package_version(tmp_path: Path) -> None:
    assert code_version(tmp_path) == PACKAGE_VERSION
    (tmp_path / "inner").mkdir()
    _git(tmp_path, "init")
    assert code_version(tmp_path / "inner") == PACKAGE_VERSION


def test_in_git_the_commit_is_added(tmp_path: Path) -> None:
    _git(tmp_path, "init")
    assert code_version(tmp_path) == PACKAGE_VERSION
    (tmp_path / "file").write_text("one")
    (tmp_path / ".gitignore").write_text("ignored")
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "-m", "one")
    commit = _git(tmp_path, "rev-parse", "--short=12", "HEAD").strip()
    (tmp_path / "ignored").write_text("data")
    assert code_version(tmp_path) == f"{PACKAGE_VERSION}+{commit}"
    (tmp_path / "file").write_text("two")
    assert code_version(tmp_path) == f"{PACKAGE_VERSION}+{commit}-dirty"
    (tmp_path / "file").write_text("one")
    (tmp_path / "new").write_text("new")
    assert code_version(tmp_path) == f"{PACKAGE_VERSION}+{commit}-dirty"


def test_a_hook_of_another_repository_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _git(tmp_path, "init")
    _git(tmp_path, "commit", "--allow-empty", "-m", "one")
    here = code_version(tmp_path)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    assert code_version(tmp_path) == here != PACKAGE_VERSION


def test_without_git_it_is_the_package_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _git(tmp_path, "init")
    _git(tmp_path, "commit", "--allow-empty", "-m", "one")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert code_version(tmp_path) == PACKAGE_VERSION


def test_of_a_broken_checkout_it_is_the_package_version(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: /nowhere")
    assert code_version(tmp_path) == PACKAGE_VERSION


def _git(folder: Path, *arguments: str) -> str:
    name = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
    command = ["git", *name, "-c", "commit.gpgsign=false", *arguments]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    return subprocess.run(
        command, cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout

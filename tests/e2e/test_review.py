"""`review change` of a real change in a real repository; docs/reviewing.md tells it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ops.review.change import compared
from ops.review.report import render
from ops.review.sides import Side
from tests.e2e.project import BIN, PARTS, SOURCE, UNIT_TESTS, UV, Project
from tests.e2e.test_audience import HEAD

GUIDE = SOURCE / "docs" / "reviewing.md"
COMMAND = "uv run sms review change --base main"
OTHERS = ("pyproject.toml", "uv.lock", "lint", ".gitignore", ".python-version")
# What a review of the sandbox must not say of anybody.
PERSONAL = r"\+1\d{10}|555[- ]?01\d\d|\w@\w|[0-9a-f]{8}-[0-9a-f]{4}-"


@pytest.fixture(scope="module", autouse=True)
def lint_environment() -> None:
    """Make the environment of the conventions, unless it is there."""
    uv = (UV, "sync", "--project", SOURCE / "lint", "--locked", "--quiet")
    run(SOURCE, *map(str, uv))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The project as a repository, on a branch for a change.

    It shares the environments of the project that is tested, which are up to date, and
    runs no contracts: other tests do, and they take most of the time of a build.
    """
    folder = tmp_path / "repository"
    folder.mkdir()
    for part in (*PARTS, *OTHERS):
        if (SOURCE / part).is_dir():
            skip = shutil.ignore_patterns("*.py", "__pycache__", ".venv", "target")
            shutil.copytree(SOURCE / part, folder / part, ignore=skip)
        else:
            shutil.copy(SOURCE / part, folder / part)
    for unit_tests in (folder / "models").rglob(UNIT_TESTS):
        unit_tests.unlink()
    with (folder / "dbt_project.yml").open("a") as settings:
        settings.write("\ndata_tests:\n  +enabled: false\n")
    for environment in (".venv", "lint/.venv"):
        (folder / environment).symlink_to(SOURCE / environment)
    for command in (
        ("init", "--quiet", "--initial-branch", "main"),
        ("add", "--all", "--force"),
        ("commit", "--quiet", "--message", "What is texted today"),
        ("switch", "--quiet", "--create", "change"),
    ):
        run(folder, "git", *command)
    return folder


def run(folder: Path, *command: str, status: int = 0) -> str:
    """Run a command there; return its standard output."""
    names = {"NAME": "n", "EMAIL": "e@example.com"}
    who = {
        f"GIT_{of}_{name}": value
        for of in ("AUTHOR", "COMMITTER")
        for name, value in names.items()
    }
    done = subprocess.run(
        command,
        cwd=folder,
        env={
            **os.environ,
            **who,
            "UV_NO_SYNC": "1",
            "UV_PYTHON": sys.executable,
            "PATH": f"{UV.parent}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done.stdout


def test_the_guide_shows_what_a_review_says(repository: Path) -> None:
    guide = GUIDE.read_text()
    edit = re.search(r"```diff\n(-[^\n]*)\n(\+[^\n]*)\n```", guide)
    shown = re.search(rf"```console\n\$ {COMMAND}\n(.*?)\n```", guide, re.DOTALL)
    compiled = re.search(r"```diff\n(--- base/.*?)\n```", guide, re.DOTALL)
    assert edit and shown and compiled
    project = repository / "dbt_project.yml"
    before = project.read_text()
    project.write_text(before.replace(edit[1][1:], edit[2][1:]))
    assert project.read_text() != before

    output = run(repository, *COMMAND.split())

    assert output.split("\n") == [*shown[1].split("\n"), ""]
    comment = (repository / "target" / "review" / "change.md").read_text()
    assert compiled[1] in comment
    assert comment.startswith("**0 phones newly texted")
    assert not re.search(PERSONAL, comment)
    assert run(repository, "git", "worktree", "list").count("\n") == 1
    assert not (repository / "target" / "review" / "code").exists()


def test_changed_variables_show_in_the_sql_that_they_reach(
    built: Callable[[Mapping[str, Any]], Project],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("UV", str(UV))
    monkeypatch.setenv("UV_PYTHON", sys.executable)
    base, head = (
        side_of(project, tmp_path / name)
        for name, project in (("base", built({})), ("head", built(HEAD)))
    )

    found = compared(base, head, {}, None)

    models = {one.name for one in found.differences if one.kind == "model"}
    assert models == {
        "int_candidate_duplicates",
        "int_candidate_reasons",
        "int_subject_contacts",
    }
    assert found.findings == []
    assert "exclusions.csv" in found.files
    assert not re.search(PERSONAL, render(found))


def side_of(project: Project, folder: Path) -> Side:
    """A built project as a side of a review, whose database has another name."""
    side = Side(folder.name, SOURCE, folder)
    folder.mkdir()
    side.database.symlink_to(project.database)
    side.target.symlink_to(project.folder / "target")
    side.exports.symlink_to(project.exports)
    return side


def test_the_commands_of_the_guide_are_there() -> None:
    text = GUIDE.read_text()
    commands = set(re.findall(r"uv run sms (\w+) (\w+)", text))
    targets = set(re.findall(r"\bmake (\w[\w-]*)", text))

    makefile = (SOURCE / "Makefile").read_text()
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
    assert commands
    for group, subcommand in sorted(commands):
        run(SOURCE, str(BIN / "sms"), group, subcommand, "--help")

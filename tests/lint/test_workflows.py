"""The workflows have no needless rights and show no personal data."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.project import SOURCE

WORKFLOWS = sorted((SOURCE / ".github" / "workflows").glob("*.yml"))
CI = SOURCE / ".github" / "workflows" / "ci.yml"
type Step = dict[str, Any]
type Job = dict[str, Any]


def read(path: Path) -> dict[Any, Any]:
    """Return a workflow, as GitHub reads it except for `on`: true in YAML 1.1."""
    loaded: dict[Any, Any] = yaml.safe_load(path.read_text())
    return loaded


def jobs() -> Iterator[Job]:
    """Yield each job of each workflow."""
    for path in WORKFLOWS:
        yield from read(path)["jobs"].values()


def steps(uses: str = "") -> Iterator[Step]:
    """Yield each step, or those that use an action."""
    for job in jobs():
        yield from (
            step
            for step in job["steps"]
            if not uses or step.get("uses", "").startswith(f"{uses}@")
        )


def test_actions_are_pinned_by_commit_and_say_which_release_that_is() -> None:
    lines = [
        line.split("uses:")[1].strip()
        for path in WORKFLOWS
        for line in path.read_text().splitlines()
        if "uses:" in line
    ]

    assert lines
    for line in lines:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)


def test_an_action_is_pinned_to_one_commit_everywhere() -> None:
    pins = {step["uses"] for step in steps() if "uses" in step}

    assert len(pins) == len({pin.split("@")[0] for pin in pins})


def test_only_jobs_have_permissions() -> None:
    for path in WORKFLOWS:
        assert read(path)["permissions"] == {}
    assert {name: job["permissions"] for name, job in read(CI)["jobs"].items()} == {
        "lint": {"contents": "read"},
        "fast": {"contents": "read"},
        "slow": {"contents": "read"},
        "deploy": {"contents": "read"},
        "review": {"contents": "read"},
        "comment": {"pull-requests": "write"},
    }


def test_no_workflow_runs_foreign_code_with_rights() -> None:
    for path in WORKFLOWS:
        assert not {"pull_request_target", "workflow_run"} & set(read(path)[True])


def test_jobs_end_and_do_not_pile_up() -> None:
    for path in WORKFLOWS:
        assert read(path)["concurrency"]["group"]
    for job in jobs():
        assert job["timeout-minutes"] > 0


def test_checkouts_leave_no_token_behind() -> None:
    checkouts = list(steps("actions/checkout"))

    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_nothing_is_cached() -> None:
    """A pull request can read the cache of main."""
    for step in steps():
        assert "cache" not in step.get("uses", "")
        assert not any("cache" in option for option in step.get("with", {}))


def test_only_reports_are_kept() -> None:
    uploads = list(steps("actions/upload-artifact"))

    assert uploads
    for step in uploads:
        paths = step["with"]["path"].split()
        assert all(re.fullmatch(r"[\w./-]+\.(md|html)", path) for path in paths)


def test_steps_call_targets_that_exist() -> None:
    makefile = (SOURCE / "Makefile").read_text()
    called = {
        target
        for step in steps()
        for target in re.findall(r"\bmake ([\w-]+)", step.get("run", ""))
    }

    assert {"lint", "test-fast", "test-slow", "tools", "review"} <= called
    for target in called:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_scripts_contain_no_expressions() -> None:
    """An expression in a script is code; in its environment it is text."""
    for step in steps():
        assert "${{" not in step.get("run", "")


def test_the_job_that_writes_sees_only_the_markdown() -> None:
    job = read(CI)["jobs"]["comment"]

    assert [step.get("uses", "").split("@")[0] for step in job["steps"]] == [
        "actions/download-artifact",
        "",
    ]
    assert "head.repo.full_name == github.repository" in job["if"]


# As much of gh as the step needs: it lists comments and records its calls.
GH = """#!/bin/sh
echo "$*" >> calls
case "$*" in
*--paginate*) [ ! -e broken ] && cat found ;;
*) cat comment.md > written ;;
esac
"""


@pytest.mark.parametrize(
    ("found", "call"),
    [
        ("", "api --silent repos/o/r/issues/7/comments --field body=@comment.md"),
        (
            "11\n12\n",
            "api --silent --method PATCH repos/o/r/issues/comments/11 "
            "--field body=@comment.md",
        ),
    ],
    ids=["first", "again"],
)
def test_one_comment_is_written_and_then_replaced(
    tmp_path: Path, found: str, call: str
) -> None:
    (tmp_path / "found").write_text(found)

    assert comment(tmp_path) == 0

    assert (tmp_path / "calls").read_text().splitlines()[-1] == call
    written = (tmp_path / "written").read_text()
    assert written == "<!-- review: who is texted -->\n**An answer**\n"


def test_no_comment_is_added_if_comments_cannot_be_listed(tmp_path: Path) -> None:
    (tmp_path / "broken").touch()

    assert comment(tmp_path) != 0

    assert not (tmp_path / "written").exists()


def comment(folder: Path) -> int:
    """Run the step that comments as a runner does; return its exit status."""
    job = read(CI)["jobs"]["comment"]
    (folder / "change.md").write_text("**An answer**\n")
    program = folder / "gh"
    program.write_text(GH)
    program.chmod(0o755)
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", job["steps"][-1]["run"]],
        cwd=folder,
        env={
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "REPOSITORY": "o/r",
            "NUMBER": "7",
        },
        check=False,
    ).returncode

"""The rights of the night workflows, and what their shell does."""

import json
import re
import subprocess
from pathlib import Path
from string import Template
from typing import Any

import pytest
import yaml

from tests.e2e.project import SOURCE

FOLDER = SOURCE / ".github" / "workflows"
NAMES = ("nightly", "heartbeat")
PINNED = re.compile(r"[a-z-]+/[a-z-]+@[0-9a-f]{40}")
SUMMARY = "summary.md"
RUN_ID = "20250101T000000000000Z-0123abcd"
# It records its arguments, and ends with $STATUS.
STUB = """#!/bin/sh
printf '%s\\n' "$@" > asked
echo "a line"
exit "$STATUS"
"""

type Workflow = dict[Any, Any]


def workflow(name: str) -> Workflow:
    """Return a workflow; YAML reads its key `on` as true."""
    found: Workflow = yaml.safe_load((FOLDER / f"{name}.yml").read_text())
    return found


def steps(name: str, job: str) -> list[dict[str, Any]]:
    """Return the steps of a job."""
    found: list[dict[str, Any]] = workflow(name)["jobs"][job]["steps"]
    return found


def all_steps() -> list[dict[str, Any]]:
    """Return the steps of all jobs."""
    return [
        s for name in NAMES for job in workflow(name)["jobs"] for s in steps(name, job)
    ]


def shell(name: str, job: str) -> str:
    """Return the last shell script of a job."""
    return str([step["run"] for step in steps(name, job) if "run" in step][-1])


def run_step(
    folder: Path, script: str, status: int, env: dict[str, str]
) -> tuple[int, str]:
    """Run a step's shell as GitHub does, with the stub for uv; return its arguments."""
    uv = folder / ".uv" / "bin" / "uv"
    uv.parent.mkdir(parents=True)
    uv.write_text(STUB)
    uv.chmod(0o755)
    (folder / ".nightly").mkdir()
    (folder / ".nightly" / "night.json").write_text(json.dumps({"run_id": RUN_ID}))
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env={
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "GITHUB_STEP_SUMMARY": SUMMARY,
            "GITHUB_OUTPUT": "output",
            "STATUS": str(status),
            **env,
        },
        check=False,
    )
    return done.returncode, (folder / "asked").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_jobs_can_only_check_out_and_assume_a_role(name: str) -> None:
    of = workflow(name)
    assert of["permissions"] == {}
    for job in of["jobs"].values():
        rights = job.get("permissions", {})
        takes_role = any("role-to-assume" in s.get("with", {}) for s in job["steps"])
        wanted = {"contents": "read", "id-token": "write"} if takes_role else {}
        assert rights == wanted
        assert job["environment"] in ("plan", "production")
        assert job["timeout-minutes"] <= 330


@pytest.mark.parametrize("name", NAMES)
def test_one_at_a_time_and_never_cancelled(name: str) -> None:
    assert workflow(name)["concurrency"] == {
        "group": name,
        "cancel-in-progress": False,
    }


def test_actions_are_pinned_and_code_of_others_comes_before_the_role() -> None:
    for step in all_steps():
        if "uses" in step:
            assert PINNED.fullmatch(step["uses"])
    for name, job in (
        ("nightly", "plan"),
        ("nightly", "promote"),
        ("heartbeat", "age"),
    ):
        order = [str(step.get("uses", step.get("run"))) for step in steps(name, job)]
        role = next(n for n, what in enumerate(order) if "aws-credentials" in what)
        assert order.index("make setup") < role
        assert steps(name, job)[0]["with"] == {"persist-credentials": False}


def test_no_long_lived_key_no_cache_and_no_expression_in_shell() -> None:
    for name in NAMES:
        text = (FOLDER / f"{name}.yml").read_text()
        assert not re.search(r"ACCESS_KEY|PASSWORD|cache", text)
        assert set(re.findall(r"secrets\.(\w+)", text)) <= {"HEARTBEAT_URL"}
        # The default shell ignores a failed pipe.
        assert workflow(name)["defaults"] == {"run": {"shell": "bash"}}
    for step in all_steps():
        assert "${{" not in step.get("run", "")


def test_only_the_summary_and_the_report_are_kept() -> None:
    uploads = [s["with"] for s in all_steps() if "upload" in s.get("uses", "")]
    assert [upload["path"].split() for upload in uploads] == [
        [".nightly/summary.md", ".nightly/report.html"]
    ]


def test_a_night_is_a_plan_unless_asked_and_production_comes_after() -> None:
    of = workflow("nightly")
    mode = of[True]["workflow_dispatch"]["inputs"]["mode"]
    assert (mode["default"], mode["options"]) == ("plan", ["plan", "export"])
    promote = of["jobs"]["promote"]
    assert (promote["needs"], promote["environment"]) == ("plan", "production")
    assert promote["if"] == "${{ (inputs.mode || vars.NIGHTLY_MODE) == 'export' }}"


def test_the_heartbeat_runs_once_a_missing_night_is_too_old() -> None:
    minutes = {}
    for name in NAMES:
        minute, hour, *days = workflow(name)[True]["schedule"][0]["cron"].split()
        assert days == ["*", "*", "*"]
        minutes[name] = int(hour) * 60 + int(minute)
    found = re.search(r"--max (\d+)h", shell("heartbeat", "age"))
    assert found is not None
    since = minutes["heartbeat"] - minutes["nightly"]
    assert since > 330  # Even the longest night is done by then.
    assert since + 24 * 60 > int(found[1]) * 60 > 24 * 60


def test_the_inputs_of_a_night_reach_it_as_they_are(tmp_path: Path) -> None:
    script = next(s["run"] for s in steps("nightly", "plan") if s.get("id") == "night")
    env = {"PORTALS": " north  so;uth $(x) * ", "ACCEPT_CHANGE": "true"}
    status, asked = run_step(tmp_path, script, 0, env)
    keys = ["--portal=north", "--portal=so;uth", "--portal=$(x)", "--portal=*"]
    assert asked.split("\n")[:-1] == [
        *("run", "--locked", "sms", "nightly", "plan", "--summary", SUMMARY),
        *(*keys, "--accept-change"),
    ]
    assert (status, (tmp_path / "output").read_text()) == (0, f"run_id={RUN_ID}\n")


def test_a_night_of_no_inputs_loads_all_portals(tmp_path: Path) -> None:
    script = next(s["run"] for s in steps("nightly", "plan") if s.get("id") == "night")
    status, asked = run_step(tmp_path, script, 10, {"PORTALS": "", "ACCEPT_CHANGE": ""})
    assert asked.split() == [
        "run",
        "--locked",
        "sms",
        "nightly",
        "plan",
        "--summary",
        SUMMARY,
    ]
    assert status == 10
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(
    ("name", "job"), [("nightly", "promote"), ("heartbeat", "age")]
)
def test_what_fails_in_a_pipe_fails_the_job(
    tmp_path: Path, name: str, job: str
) -> None:
    env = {"RUN_ID": RUN_ID, "ACCEPT_CHANGE": "false", "MODE": "export"}
    status, asked = run_step(tmp_path, shell(name, job), 10, env)
    assert status == 10
    assert (tmp_path / SUMMARY).read_text() == "a line\n"
    assert (
        asked.split()[2:]
        == {
            "promote": ["sms", "publish", "promote", RUN_ID],
            "age": ["sms", "nightly", "age", "--max", "26h", "--mode", "export"],
        }[job]
    )


def test_a_role_is_given_to_one_environment_of_one_repository() -> None:
    text = (SOURCE / "deploy" / "iam" / "github.json").read_text()
    of = Template(text).substitute(account="1", repository="o/r", environment="plan")
    (statement,) = json.loads(of)["Statement"]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    issuer = "token.actions.githubusercontent.com"
    assert statement["Condition"] == {
        "StringEquals": {
            f"{issuer}:aud": "sts.amazonaws.com",
            f"{issuer}:sub": "repo:o/r:environment:plan",
        }
    }

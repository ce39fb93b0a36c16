"""One night at a time; what a failed or stopped night leaves."""

import os
import re
import signal
from pathlib import Path

import pytest

from common.errors import ConfigError
from ops.nightly.errors import StepError
from ops.nightly.night import Wanted, _check_suppressions
from ops.nightly.steps import Steps
from ops.nightly.summary import Night, render
from publish.manifest import About, Listed, Manifest, Suppressions
from publish.suppressions import ledger
from tests.nightly.nights import (
    HEADER,
    new_night_project,
    record,
    silent_portal,
    start,
    summary,
)
from tests.roots import KINDS, use_root

BUSY = 30


def test_a_second_night_is_refused_also_while_an_orphan_of_a_killed_one_runs(
    tmp_path: Path,
) -> None:
    listener, url = silent_portal()
    project = new_night_project(tmp_path / "project", url)
    with listener, start(project) as night:
        connection, _ = listener.accept()
        second = project.run("sms", "nightly", "plan", status=BUSY)
        assert "another night is in progress" in second.output
        assert len(second.output.splitlines()) == 1

        night.kill()
        night.wait()
        assert "killed" in project.run("sms", "nightly", "export", status=BUSY).output

        os.killpg(night.pid, signal.SIGKILL)
        connection.close()
    # Without any cleaning up, the next night gets as far as its own mistake.
    after = project.run("sms", "nightly", "plan", "--portal", "nosuch", status=2)
    assert "step load failed (exit code 2)" in after.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_night_says_where_and_stops_its_command(
    tmp_path: Path, number: signal.Signals
) -> None:
    listener, url = silent_portal()
    project = new_night_project(tmp_path / "project", url)
    with listener, start(project) as night:
        connection, _ = listener.accept()
        night.send_signal(number)
        output, errors = night.communicate(timeout=30)
        connection.close()
    assert night.returncode == 128 + number
    assert re.search(r"^.{9} load stopped, [0-9.]+ s$", output, re.MULTILINE)
    assert "Traceback" not in errors
    assert errors.splitlines()[-1] == "sms: load: stopped"
    said = record(project)
    assert said["obstacle"] == "load: stopped"
    assert said["steps"][0]["exit_code"] == night.returncode
    assert "**No run was written:** <code>load&#58; stopped</code>" in summary(project)
    assert project.run("sms", "nightly", "plan", "--portal", "nosuch", status=2)


def test_a_failed_step_is_named_with_its_reason_and_exit_code(tmp_path: Path) -> None:
    project = new_night_project(tmp_path / "project")
    file = tmp_path / "summary.md"
    failed = project.run(
        *("sms", "nightly", "export", "--portal", "nosuch", "--summary", str(file)),
        status=2,
    )
    last = failed.output.splitlines()[-1]
    assert last.startswith("sms: step load failed (exit code 2): sms: unknown")
    assert "nosuch" in last
    said = record(project)
    assert [step["name"] for step in said["steps"]] == ["load"]
    assert said["steps"][0]["exit_code"] == 2
    assert (said["run_id"], said["is_promoted"]) == (None, False)
    assert "**No run was written:**" in summary(project)
    assert file.read_text() == summary(project)
    assert not (project.folder / "exports").exists()


def test_an_error_of_the_system_is_named_with_the_step(tmp_path: Path) -> None:
    with (
        pytest.raises(StepError) as error,
        Steps(lock=0).step("compare"),
        (tmp_path / "none").open(),
    ):
        pass
    assert str(error.value) == (
        f"step compare failed (exit code 30): {tmp_path}/none: No such file or "
        "directory"
    )


def test_a_night_needs_the_list_of_who_said_stop(tmp_path: Path) -> None:
    project = new_night_project(tmp_path / "project")
    project = project.with_environment(SUPPRESSIONS_CSV="")
    failed = project.run("sms", "nightly", "plan", status=2)
    assert "SUPPRESSIONS_CSV is not set, and the export root has no" in failed.output
    assert not (project.folder / ".nightly").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_ledger_is_enough_for_a_night(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    """What an earlier list recorded still holds."""
    listed = tmp_path / "list.csv"
    listed.write_text(f"{HEADER}sms,+12065550126,2025-01-31T12:00:00Z,STOP\n")
    root = use_root(request, tmp_path, monkeypatch, kind)
    with pytest.raises(ConfigError, match="the export root has no ledger"):
        _check_suppressions(Wanted("plan"))
    ledger.record(root, listed)
    _check_suppressions(Wanted("plan"))


def test_a_summary_says_how_many_lines_of_a_list_were_let_through() -> None:
    about = About("run", "load", "as_of", "code", {})
    listed = Listed("d", 9, 4, 2, 1, unreadable=3, rejected_emails=0, gone=5)
    held = Suppressions(("s.csv",), 5, {"sms": 3, "email": 1}, "d", 2, listed)
    text = render(Night("plan", manifest=Manifest(about, (), (), held)))
    for name, number in (
        ("phones repaired", 1),
        ("unreadable lines&#44; allowed", 3),
        ("gone from the list&#44; still suppressed", 5),
    ):
        assert f"| <code>{name}</code> | {number} |" in text


def test_a_summary_says_who_is_suppressed() -> None:
    about = About("run", "load", "as_of", "code", {})
    held = Suppressions(("s.csv",), 5, {"sms": 3, "email": 1}, "d", 2, None)
    night = Night("plan", manifest=Manifest(about, (), (), held), new_suppressions=1)
    text = render(night)
    assert "No list; the ledger holds 4 suppressions." in text
    assert "| <code>new since the promoted run</code> | 1 |" in text
    assert "| <code>matched an address of the load</code> | 2 |" in text
    night.manifest = Manifest(about, (), (), Suppressions((), 0, {}, "d", 0, None))
    assert "**Neither a ledger nor a list:" in render(night)


@pytest.mark.parametrize("address", ["nosuch.csv", "."])
def test_a_list_that_cannot_be_read_is_refused_before_the_load(
    tmp_path: Path, address: str
) -> None:
    project = new_night_project(tmp_path / "project")
    project = project.with_environment(SUPPRESSIONS_CSV=address)
    failed = project.run("sms", "nightly", "plan", status=2)
    assert failed.output == (
        f"sms: SUPPRESSIONS_CSV: there is no readable file {address}\n"
    )


@pytest.mark.parametrize("name", ["nosuch/summary.md", "suppressions.csv/summary.md"])
def test_a_summary_that_cannot_be_written_is_refused_before_the_load(
    tmp_path: Path, name: str
) -> None:
    project = new_night_project(tmp_path / "project")
    failed = project.run("sms", "nightly", "export", "--summary", name, status=2)
    assert failed.output.startswith(f"sms: --summary: {name} cannot be written")
    assert len(failed.output.splitlines()) == 1


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("suppressions.csv", "suppressions.csv cannot be written"),
        ("suppressions.csv/exports", "suppressions.csv/exports cannot be written"),
        ("gs://bucket/prefix", "begins with gs://"),
    ],
)
def test_an_export_root_that_cannot_be_written_is_refused_before_the_load(
    tmp_path: Path, address: str, said: str
) -> None:
    project = new_night_project(tmp_path / "project").with_environment(
        EXPORT_ROOT=address
    )
    failed = project.run("sms", "nightly", "plan", status=2)
    assert failed.output.startswith("sms: EXPORT_ROOT")
    assert said in failed.output
    assert len(failed.output.splitlines()) == 1
    assert not (project.folder / ".nightly").exists()


def test_a_store_that_is_no_bucket_is_refused(tmp_path: Path) -> None:
    project = new_night_project(tmp_path / "project")
    project = project.with_environment(LANDING_STORE="s3://")
    failed = project.run("sms", "nightly", "plan", "--portal", "nosuch", status=2)
    assert "LANDING_STORE must be s3://BUCKET/PREFIX" in failed.output

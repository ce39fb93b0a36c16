"""What a night takes: variables, a load, a log format; and what its log says."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.typing import FilteringBoundLogger

from common.errors import ConfigError
from common.logs import TRACE
from extract.logs import LogFormat, open_log
from ops.nightly.errors import CommandFailedError
from ops.nightly.logs import log_done, pass_on
from ops.nightly.night import _build
from ops.nightly.steps import Steps
from ops.nightly.summary import Night, Step
from ops.nightly.variables import read_variables
from publish.manifest import About, Counts, Manifest
from tests.nightly.nights import new_night_project, record

LOAD = "20250101T000000000000Z-0123abcd"
PHONE = "+12065550123"


@pytest.fixture
def log() -> FilteringBoundLogger:
    """A JSON log with a known trace id."""
    return open_log("json", trace_id="t1")


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the JSON lines that were printed, all of them JSON."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


# Variables


def test_variables_are_merged_from_the_environment_and_the_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "vars.yml"
    file.write_text("# as for dbt\nexport_formats: [csv, json]\n")
    monkeypatch.setenv("NIGHTLY_VARS", "{dedup_by: phone, contact_filter: any}")
    assert read_variables(str(file)) == {
        "dedup_by": "phone",
        "contact_filter": "any",
        "export_formats": ["csv", "json"],
    }
    assert read_variables("dedup_by: phone_job")["dedup_by"] == "phone_job"
    monkeypatch.setenv("NIGHTLY_VARS", str(file))
    assert read_variables(None) == {"export_formats": ["csv", "json"]}


@pytest.mark.parametrize("given", ["nosuch.yml", "[a, b]", "{a", "1: 2", "."])
@pytest.mark.parametrize("setting", ["NIGHTLY_VARS", "--vars"])
def test_variables_that_cannot_be_read_are_not_shown(
    monkeypatch: pytest.MonkeyPatch, given: str, setting: str
) -> None:
    if setting == "NIGHTLY_VARS":
        monkeypatch.setenv(setting, given)
    with pytest.raises(ConfigError, match=f"^{setting} is neither") as error:
        read_variables(given if setting == "--vars" else None)
    assert "nosuch" not in str(error.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("promote: true", "promote cannot be set"),
        ("dedup: phone", "unknown variable dedup "),
        ("dedup_by: name", "dedup_by cannot be name"),
        ("portals: [nosuch]", "portals cannot hold nosuch"),
        ("consent_max_age_days: -1", "must be a whole number"),
    ],
)
def test_a_wrong_variable_is_refused_before_the_load(given: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_variables(given)


def test_dbt_gets_the_variables_and_never_promotes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[tuple[str, ...]] = []

    def run(_: Steps, *command: str, **__: object) -> None:
        asked.append(command)
        raise CommandFailedError(1, "enough")

    monkeypatch.setattr(Steps, "run", run)
    variables = read_variables("{as_of: 2025-01-31, dedup_by: phone}")
    with pytest.raises(CommandFailedError):
        _build(Steps(0), tmp_path / "none.duckdb", variables, {})
    assert asked[0][:3] == ("dbt", "build", "--vars")
    assert json.loads(asked[0][3]) == {
        "as_of": "2025-01-31",
        "dedup_by": "phone",
        "promote": False,
    }


# A given load


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--load", LOAD], f"there is no load {LOAD} in .*, and LANDING_STORE is not"),
        (["--load", "../x"], "--load is not a load id"),
        (["--load", LOAD, "--portal", "north"], "give --load or the portals"),
    ],
)
def test_a_load_that_cannot_be_taken_is_one_line(
    tmp_path: Path, options: list[str], said: str
) -> None:
    project = new_night_project(tmp_path / "project")
    failed = project.run("sms", "nightly", "plan", *options, status=2)
    assert re.search(f"^sms: .*{said}", failed.output.splitlines()[-1])


def test_a_load_that_was_held_back_is_not_built(tmp_path: Path) -> None:
    project = new_night_project(tmp_path / "project")
    folder = project.landing / "loads" / LOAD
    folder.mkdir(parents=True)
    facts = {
        "load_id": LOAD,
        "extracted_at": "2025-01-01T00:00:00Z",
        "portals": {"north": {}},
        "shrunk": {"north": {}},
    }
    (folder / "load.json").write_text(json.dumps(facts))
    failed = project.run("sms", "nightly", "plan", "--load", LOAD, status=10)
    assert "was held back" in failed.output.splitlines()[-1]
    assert [step["name"] for step in record(project)["steps"]] == ["take the load"]


# The log


def test_lines_of_commands_become_lines_of_one_trace(
    log: FilteringBoundLogger, capsys: pytest.CaptureFixture[str]
) -> None:
    dbt = {
        "data": {"sql": PHONE},
        "info": {"name": "Note", "msg": "hi", "level": "warn"},
    }
    empty = {"data": {}, "info": {"name": "Formatting", "msg": "", "level": "info"}}
    load = {"event": "load_complete", "trace_id": "t1"}
    told = [pass_on(log, json.dumps(line) + "\n") for line in (dbt, empty, load)]
    assert pass_on(log, "sms: something failed\n") == "sms: something failed"
    assert pass_on(log, "12\n") == "12"
    assert told == ["", "", ""]
    said = lines(capsys)
    assert [line["event"] for line in said] == [
        "dbt",
        "load_complete",
        "output",
        "output",
    ]
    assert {line["trace_id"] for line in said} == {"t1"}
    assert (said[0]["text"], said[0]["level"]) == ("hi", "warning")
    assert PHONE not in str(said)


def test_commands_get_the_trace_and_both_outputs_are_logged(
    log: FilteringBoundLogger,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = tmp_path / "command"
    script.write_text(
        f'#!/bin/sh\necho "out ${TRACE}"\necho "sms: wrong" >&2\nexit 10\n'
    )
    script.chmod(0o755)
    monkeypatch.setattr("ops.nightly.steps.BIN", tmp_path)
    with (tmp_path / "lock").open("w") as lock:
        steps = Steps(lock.fileno(), log, {TRACE: "t1"})
        with pytest.raises(CommandFailedError, match=r"^sms: wrong$") as error:
            steps.run("command")
    assert error.value.exit_code == 10
    assert [line["text"] for line in lines(capsys)] == ["out t1", "sms: wrong"]


def done_night(log_format: LogFormat) -> Night:
    """Return a night that has ended well."""
    about = About("run", LOAD, "as_of", "code", {})
    counts = (
        Counts("north", "buyers", 10, 7, {"contact_missing": 3}),
        Counts("north", "non_buyers", 20, 20, {}),
    )
    night = Night(
        "export",
        (Step("load", 1.4, 0), Step("build", 2.0, 0)),
        {"load_id": LOAD, "requests": 12},
        "run",
        Manifest(about, (), counts),
        {"total": {"came": 4, "went": 2, "changed": 1}},
        is_promoted=True,
        trace_id="t1",
    )
    return replace(night, log_format=log_format)


def test_a_night_ends_with_one_line_for_filters_and_metrics(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBT_TARGET", "staging")
    log_done(done_night("text"))
    (said,) = lines(capsys)
    assert (said["event"], said["trace_id"]) == ("night_done", "t1")
    assert (said["mode"], said["run_id"], said["load_id"]) == ("export", "run", LOAD)
    assert (said["is_promoted"], said["obstacle"]) == (True, None)
    assert said["counts"] == {
        "candidates": 30,
        "exported": 27,
        "excluded": 3,
        "requests": 12,
        "came": 4,
        "went": 2,
        "changed": 1,
    }
    check_metrics(said, {"environment": "staging", "mode": "export"})
    assert said["seconds"] == 3


def test_a_json_log_has_a_line_for_each_audience(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DBT_TARGET", raising=False)
    log_done(done_night("json"))
    buyers, non_buyers, done = lines(capsys)
    assert done["event"] == "night_done"
    for said, audience, exported in (
        (buyers, "buyers", 7),
        (non_buyers, "non_buyers", 20),
    ):
        where = {"environment": "dev", "portal": "north", "audience": audience}
        check_metrics(said, where)
        assert said["exported"] == exported
    assert buyers["reasons"] == {"contact_missing": 3}


def check_metrics(said: dict[str, Any], dimensions: dict[str, str]) -> None:
    """Check a line as CloudWatch reads the embedded metric format."""
    about = said["_aws"]
    assert isinstance(about["Timestamp"], int)
    (definition,) = about["CloudWatchMetrics"]
    assert definition["Namespace"] == "sms-campaigns"
    assert definition["Dimensions"] == [list(dimensions)]
    assert {name: said[name] for name in dimensions} == dimensions
    for metric in definition["Metrics"]:
        assert isinstance(said[metric["Name"]], int)
        assert metric["Unit"] in ("Count", "Seconds")


def test_a_terminal_gets_no_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    log_done(done_night("text"))
    assert capsys.readouterr().out == ""


def test_a_failed_night_is_logged_and_has_no_night_done(tmp_path: Path) -> None:
    project = new_night_project(tmp_path / "project").with_environment(
        NIGHTLY_LOG_FORMAT="json"
    )
    failed = project.run("sms", "nightly", "plan", "--portal", "nosuch", status=2)
    *logged, last = failed.output.splitlines()
    assert last.startswith("sms: step load failed (exit code 2)")
    said = [json.loads(line) for line in logged]
    assert len({line["trace_id"] for line in said}) == 1
    events = [line["event"] for line in said]
    assert events[0] == "step_begun"
    assert events[-1] == "night_failed"
    assert "night_done" not in events
    assert (said[-1]["mode"], said[-1]["exit_code"]) == ("plan", 2)
    assert record(project)["trace_id"] == said[0]["trace_id"]

"""The alarm for a missing night."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from common.errors import ContractError
from ops.nightly.cli import cli

LOAD = "20250101T000000000000Z-0123abcd"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An export root with nothing in it yet."""
    monkeypatch.setenv("EXPORT_ROOT", str(tmp_path / "exports"))
    return tmp_path / "exports"


def run_id(ago: timedelta) -> str:
    """The id of a run that began so long ago."""
    return f"{datetime.now(UTC) - ago:%Y%m%dT%H%M%S%fZ}-0123abcd"


def promote(root: Path, begun: timedelta, derived_from: str | None = None) -> str:
    """Write a current.json of just now and its manifest; return the run's id."""
    run = run_id(begun)
    (root / "runs" / run).mkdir(parents=True)
    about = {} if derived_from is None else {"derived_from": derived_from}
    manifest = {
        "run_id": run,
        "load_id": LOAD,
        "as_of": "2025-01-01T00:00:00Z",
        "code_version": "0.1.0",
        "variables": {},
        "files": [],
        "counts": [],
        **about,
    }
    (root / "runs" / run / "manifest.json").write_text(json.dumps(manifest))
    (root / "current.json").write_text(
        json.dumps(
            {
                "run_id": run,
                "manifest": f"runs/{run}/manifest.json",
                "manifest_sha256": "0" * 64,
                "promoted_at": datetime.now(UTC).isoformat(),
            }
        )
    )
    return run


def age(*options: str) -> Result:
    """Return what `sms nightly age` prints; an error is its `exception`."""
    return CliRunner().invoke(cli, ["age", *options], catch_exceptions=True)


@pytest.mark.parametrize(("hours", "most"), [(25.9, "26h"), (1, "2h"), (30, "48h")])
def test_a_recent_night_passes(root: Path, hours: float, most: str) -> None:
    promote(root, timedelta(hours=hours))
    found = age("--max", most)
    assert (found.exit_code, found.exception) == (0, None)
    assert f"{hours:.1f} h ago" in found.output


@pytest.mark.parametrize(("hours", "most"), [(26.1, "26h"), (3, "2h"), (-30, "26h")])
def test_a_night_too_old_or_in_the_future_is_an_alarm(
    root: Path, hours: float, most: str
) -> None:
    promote(root, timedelta(hours=hours))
    error = age("--max", most).exception
    assert isinstance(error, ContractError)
    assert str(error).startswith("a night is missing: the night of run ")


@pytest.mark.parametrize(
    ("hours", "most", "said"),
    [
        (0.5, "1s", "30.0 min ago; at most 1 s is allowed"),
        (1.5, "2m", "1.5 h ago; at most 2.0 min is allowed"),
    ],
)
def test_short_times_are_in_minutes_or_seconds(
    root: Path, hours: float, most: str, said: str
) -> None:
    promote(root, timedelta(hours=hours))
    assert said in str(age("--max", most).exception)


@pytest.mark.parametrize(
    ("hours", "status", "is_missing"), [(2, 0, False), (30, 10, True)]
)
def test_the_age_as_json(
    root: Path, hours: float, status: int, is_missing: bool
) -> None:
    promote(root, timedelta(hours=hours))
    found = age("--json")
    assert getattr(found.exception, "exit_code", 0) == status
    said = json.loads(found.stdout)
    assert said["run_id"].endswith("-0123abcd")
    assert datetime.fromisoformat(said["begun_at"]).utcoffset() == timedelta(0)
    assert said["max_seconds"] == 26 * 3600
    assert said["age_seconds"] // 3600 == hours
    assert said["is_missing"] is is_missing


def test_going_back_does_not_hide_a_missing_night(root: Path) -> None:
    """promote() promotes just now, whatever the run."""
    promote(root, timedelta(hours=30))
    assert isinstance(age().exception, ContractError)


def test_a_copy_is_as_old_as_the_run_that_it_is_a_copy_of(root: Path) -> None:
    copied = promote(root, timedelta(hours=30))
    copy = promote(root, timedelta(hours=2), derived_from=copied)
    promote(root, timedelta(hours=1), derived_from=copy)
    assert "30.0 h ago" in str(age().exception)
    # Its id says when a run began, also after a prune.
    (root / "runs" / copied / "manifest.json").unlink()
    assert "30.0 h ago" in str(age().exception)


def test_an_id_without_a_time_is_an_alarm(root: Path) -> None:
    run = promote(root, timedelta(hours=1))
    wrong = run.replace(run[:8], "20259999")
    text = (root / "current.json").read_text()
    (root / "current.json").write_text(text.replace(run, wrong))
    assert isinstance(age().exception, ContractError)


def test_no_night_at_all_is_an_alarm(root: Path) -> None:
    for mode in ("plan", "export"):
        error = age("--mode", mode).exception
        assert isinstance(error, ContractError)
        assert "no night has finished yet" in str(error)


def test_for_plan_nights_the_newest_finished_run_counts(root: Path) -> None:
    old = promote(root, timedelta(days=9))
    promote(root, timedelta(hours=1), derived_from=old)
    finished, unfinished = run_id(timedelta(hours=30)), run_id(timedelta(hours=2))
    for run in (finished, unfinished):
        (root / "runs" / run).mkdir(parents=True)
    (root / "runs" / finished / "manifest.json").write_text("{}")
    assert isinstance(age("--mode", "plan").exception, ContractError)
    (root / "runs" / unfinished / "manifest.json").write_text("{}")
    assert "2.0 h ago" in age("--mode", "plan").output

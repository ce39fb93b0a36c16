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


def promote(root: Path, promoted_at: str) -> None:
    """Write a current.json."""
    run = run_id(timedelta(days=9))
    root.mkdir()
    (root / "current.json").write_text(
        json.dumps(
            {
                "run_id": run,
                "manifest": f"runs/{run}/manifest.json",
                "manifest_sha256": "0" * 64,
                "promoted_at": promoted_at,
            }
        )
    )


def ago(hours: float) -> str:
    """A time as current.json has it."""
    return (datetime.now(UTC) - timedelta(hours=hours)).isoformat()


def age(*options: str) -> Result:
    """Return what `sms nightly age` prints; an error is its `exception`."""
    return CliRunner().invoke(cli, ["age", *options], catch_exceptions=True)


@pytest.mark.parametrize(("hours", "most"), [(25.9, "26h"), (1, "2h"), (30, "48h")])
def test_a_recent_night_passes(root: Path, hours: float, most: str) -> None:
    promote(root, ago(hours))
    found = age("--max", most)
    assert (found.exit_code, found.exception) == (0, None)
    assert f"{hours:.1f} h ago" in found.output


@pytest.mark.parametrize(("hours", "most"), [(26.1, "26h"), (3, "2h"), (-30, "26h")])
def test_a_night_too_old_or_in_the_future_is_an_alarm(
    root: Path, hours: float, most: str
) -> None:
    promote(root, ago(hours))
    error = age("--max", most).exception
    assert isinstance(error, ContractError)
    assert str(error).startswith("a night is missing: run ")


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
    promote(root, ago(hours))
    assert said in str(age("--max", most).exception)


@pytest.mark.parametrize(
    ("hours", "status", "is_missing"), [(2, 0, False), (30, 10, True)]
)
def test_the_age_as_json(
    root: Path, hours: float, status: int, is_missing: bool
) -> None:
    promote(root, ago(hours))
    found = age("--json")
    assert getattr(found.exception, "exit_code", 0) == status
    said = json.loads(found.stdout)
    assert said["run_id"].endswith("-0123abcd")
    assert datetime.fromisoformat(said["at"]).utcoffset() == timedelta(0)
    assert (said["event"], said["max_seconds"]) == ("promoted", 26 * 3600)
    assert said["age_seconds"] // 3600 == hours
    assert said["is_missing"] is is_missing


@pytest.mark.parametrize("promoted_at", ["yesterday", "2026-01-01T00:00:00"])
def test_a_time_that_cannot_be_read_is_an_alarm(root: Path, promoted_at: str) -> None:
    promote(root, promoted_at)
    assert isinstance(age().exception, ContractError)


def test_no_night_at_all_is_an_alarm(root: Path) -> None:
    for mode in ("plan", "export"):
        error = age("--mode", mode).exception
        assert isinstance(error, ContractError)
        assert "no night has finished yet" in str(error)


def test_for_plan_nights_the_newest_finished_run_counts(root: Path) -> None:
    promote(root, ago(1))
    finished, unfinished = run_id(timedelta(hours=30)), run_id(timedelta(hours=2))
    for run in (finished, unfinished):
        (root / "runs" / run).mkdir(parents=True)
    (root / "runs" / finished / "manifest.json").write_text("{}")
    assert isinstance(age("--mode", "plan").exception, ContractError)
    (root / "runs" / unfinished / "manifest.json").write_text("{}")
    assert "2.0 h ago" in age("--mode", "plan").output

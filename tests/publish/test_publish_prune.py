"""`sms publish prune`: which runs go, which never do, and what a stop leaves."""

import fcntl
import shutil
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from common.errors import ContractError, LostRaceError
from common.retention import Rule
from publish.local import LocalRoot
from publish.promotion import load_manifest, promote
from publish.pruning import Run, judge, prune
from publish.staging import claim, drop
from tests.publish.killing import killer
from tests.publish.publishing import (
    RUN_A,
    RUN_B,
    RUN_C,
    build,
    publish,
    published,
    tree,
    write_files,
)

NOW = datetime(2025, 3, 1, tzinfo=UTC)
BEGAN = datetime.now(UTC)


def run_id(day: int, hour: int = 0) -> str:
    """A run of a day of February 2025, or (29) of the first of March."""
    month, day = (3, 1) if day == 29 else (2, day)
    return f"2025{month:02}{day:02}T{hour:02}0000000000Z-aaaaaaaa"


def kept(runs: list[Run], keep: int, keep_days: int, promoted: str = "") -> list[str]:
    """The ids that stay, of runs that come newest first."""
    verdicts = judge(runs, promoted, Rule(keep, keep_days), NOW)
    assert [verdict.name for verdict in verdicts] == [run.run_id for run in runs]
    return [verdict.name for verdict in verdicts if verdict.is_kept]


RUNS = [Run(run_id(day)) for day in (28, 27, 20, 10, 1)]


def test_the_newest_or_the_younger_stay() -> None:
    ids = [run.run_id for run in RUNS]
    assert kept(RUNS, 2, 0) == ids[:2]
    assert kept(RUNS, 0, 9) == ids[:2]
    assert kept(RUNS, 0, 10) == ids[:3]
    assert kept(RUNS, 4, 2) == ids[:4]
    assert kept(RUNS, 1, 365) == ids
    assert kept(RUNS, 99, 0) == ids
    assert kept(RUNS, 0, 0) == []


def test_the_promoted_run_stays_and_takes_no_other_s_place() -> None:
    ids = [run.run_id for run in RUNS]
    assert kept(RUNS, 0, 0, promoted=ids[3]) == [ids[3]]
    assert kept(RUNS, 2, 0, promoted=ids[4]) == [*ids[:2], ids[4]]


def test_unfinished_runs_do_not_push_out_finished_ones() -> None:
    failed = [Run(run_id(day), is_finished=False) for day in (27, 26, 12)]
    runs = [Run(run_id(28)), *failed[:2], Run(run_id(20)), failed[2], Run(run_id(10))]
    assert kept(runs, 2, 0) == [run.run_id for run in runs[:4]]
    assert kept(runs, 1, 0) == [run_id(28)]
    assert kept(runs, 0, 4) == [run_id(28), run_id(27), run_id(26)]


def test_what_may_be_in_progress_stays() -> None:
    young = Run(run_id(28, hour=1), is_finished=False)
    old = Run(run_id(28), is_finished=False)
    held = Run(run_id(2), is_finished=False, is_held=True)
    finished = Run(run_id(28, hour=2))
    assert kept([finished, young, old, held], 0, 0) == [young.run_id, held.run_id]


def test_what_a_stopped_prune_left_goes_at_once() -> None:
    left = Run(run_id(28, hour=5), is_finished=False, is_half_removed=True)
    assert kept([left, *RUNS], 9, 9) == [run.run_id for run in RUNS]


def test_an_id_that_is_no_time_is_not_old() -> None:
    impossible = Run("20259999T000000000000Z-aaaaaaaa")
    assert kept([impossible, *RUNS], 0, 0) == [impossible.run_id]


def test_every_verdict_says_why() -> None:
    runs = [
        Run(run_id(29), is_finished=False),
        Run(run_id(28), is_finished=False, is_half_removed=True),
        Run(run_id(27)),
        Run(run_id(26)),
        Run(run_id(25), is_finished=False, is_held=True),
        Run(run_id(20)),
        Run(run_id(10), is_finished=False),
        Run(run_id(1)),
    ]
    verdicts = judge(runs, run_id(1), Rule(1, 3), NOW)
    assert [(verdict.is_kept, verdict.reason) for verdict in verdicts] == [
        (True, "among the newest 1"),
        (False, "an earlier prune was stopped while it removed it"),
        (True, "among the newest 1"),
        (False, "3 days old"),
        (True, "being written"),
        (False, "9 days old"),
        (False, "unfinished, 19 days old"),
        (True, "promoted"),
    ]


def test_prune_removes_and_says_why(root: Path) -> None:
    build(RUN_A)
    build(RUN_B)
    build(RUN_C, promote=False)
    promote(LocalRoot(root), RUN_A, LocalRoot(root).current().version)
    before = tree(root)
    days = (datetime.now(UTC) - datetime(2025, 1, 2, tzinfo=UTC)).days
    dry = publish("prune", "--keep", "1", "--dry-run")
    assert (dry.returncode, dry.stderr) == (0, "")
    assert dry.stdout.splitlines() == [
        f"kept          {RUN_C}  among the newest 1",
        f"would remove  {RUN_B}  {days} days old",
        f"kept          {RUN_A}  promoted",
        "kept 2, would remove 1",
    ]
    assert tree(root) == before
    done = publish("prune", "--keep", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"kept     {RUN_C}  among the newest 1",
        f"removed  {RUN_B}  {days} days old",
        f"kept     {RUN_A}  promoted",
        "kept 2, removed 1",
    ]
    assert _runs(root) == [RUN_A, RUN_C]
    assert _without(before, RUN_B) == tree(root)
    assert publish("verify").returncode == 0
    again = publish("prune", "--keep", "1")
    assert again.stdout.endswith("kept 2, removed 0\n")


def test_prune_by_age_keeps_what_is_young(root: Path) -> None:
    build(RUN_A)
    build(_young(1), promote=False)
    build(_young(2), promote=False)
    write_files(_young(3))
    assert publish("prune", "--keep-days", "1").returncode == 0
    assert _runs(root) == [RUN_A, *map(_young, (1, 2, 3))]
    assert publish("prune", "--keep-days", "0", "--keep", "1").returncode == 0
    assert _runs(root) == [RUN_A, _young(2), _young(3)]


def test_an_old_unfinished_run_goes(root: Path) -> None:
    write_files(RUN_A)
    build(RUN_B)
    done = publish("prune", "--keep", "1")
    assert "unfinished" in done.stdout
    assert _runs(root) == [RUN_B]


def test_a_run_whose_files_are_being_written_stays(root: Path) -> None:
    build(RUN_B)
    write_files(RUN_A)
    claim(LocalRoot(root).staging, RUN_A, "sandbox1/buyers.csv")
    done = publish("prune", "--keep", "0")
    assert f"kept     {RUN_A}  being written\n" in done.stdout
    assert _runs(root) == [RUN_A, RUN_B]
    drop(LocalRoot(root).staging, RUN_A)


def test_no_run_is_promoted_or_there(root: Path) -> None:
    assert publish("prune", "--keep", "1").stdout == "kept 0, removed 0\n"
    assert not root.exists()
    build(RUN_A, promote=False)
    build(RUN_B, promote=False)
    assert publish("prune", "--keep", "1").returncode == 0
    assert _runs(root) == [RUN_B]


def _lose_manifest(root: Path) -> None:
    (root / "runs" / RUN_A / "manifest.json").unlink()


def _lose_run(root: Path) -> None:
    shutil.rmtree(root / "runs" / RUN_A)


def _change_manifest(root: Path) -> None:
    with (root / "runs" / RUN_A / "manifest.json").open("a") as file:
        file.write("\n")


def _damage_current(root: Path) -> None:
    (root / "current.json").write_text("{}")


@pytest.mark.parametrize(
    "damage", [_lose_manifest, _lose_run, _change_manifest, _damage_current]
)
def test_nothing_goes_where_the_promoted_run_cannot_be_told(
    root: Path, damage: Callable[[Path], None]
) -> None:
    build(RUN_A)
    build(RUN_B, promote=False)
    build(RUN_C, promote=False)
    damage(root)
    before = tree(root)
    done = publish("prune", "--keep", "0")
    assert (done.returncode, done.stdout) == (10, "")
    assert done.stderr.startswith("sms: nothing is removed, as the promoted run")
    assert len(done.stderr.splitlines()) == 1
    assert tree(root) == before


def test_nothing_goes_while_a_run_is_promoted(root: Path) -> None:
    build(RUN_A)
    build(RUN_B)
    before = tree(root)
    with (root / ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = publish("prune", "--keep", "0")
        assert (done.returncode, len(done.stderr.splitlines())) == (30, 1)
    assert tree(root) == before


def test_a_run_promoted_meanwhile_stops_the_prune(root: Path) -> None:
    local = LocalRoot(root)
    build(RUN_A)
    build(RUN_B)
    build(RUN_C)
    verdicts = prune(local, Rule(0, 0), NOW, dry_run=False)
    assert next(verdicts).reason == "promoted"
    promote(local, RUN_A, local.current().version)
    with pytest.raises(LostRaceError, match=f"{RUN_B}: not removed"):
        next(verdicts)
    assert _runs(root) == [RUN_A, RUN_B, RUN_C]


def test_links_are_not_followed(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    build(RUN_A)
    build(RUN_C)
    shutil.copytree(root / "runs" / RUN_A, outside / RUN_A)
    (root / "runs" / RUN_A / "sandbox2" / "link.csv").symlink_to(outside / "a.csv")
    (root / "runs" / RUN_A / "sandbox3").symlink_to(outside)
    (root / "runs" / RUN_B).symlink_to(outside / RUN_A)
    (outside / "a.csv").write_text("a\n")
    before = tree(outside)
    done = publish("prune", "--keep", "1")
    assert (done.returncode, _runs(root)) == (0, [RUN_C])
    assert tree(outside) == before
    assert published(root) == RUN_C


def test_what_is_no_run_is_not_touched(root: Path) -> None:
    build(RUN_A)
    for name in ("notes", f"{RUN_B}.old", "latest"):
        (root / "runs" / name).mkdir()
        (root / "runs" / name / "file").write_text("mine")
    before = tree(root)
    assert publish("prune", "--keep", "0").returncode == 0
    assert tree(root) == before


def test_a_prune_killed_at_any_step_is_finished_by_the_next(
    root: Path, tmp_path: Path
) -> None:
    build(RUN_A)
    build(_young(2), promote=False)
    build(_young(1), promote=False)
    after = _without(tree(root), _young(1))
    run, whole = root / "runs" / _young(1), tmp_path / "whole"
    shutil.copytree(run, whole)
    seen = set()
    with killer() as start:
        for step in range(1, 1000):
            status = start(step, "prune", str(root), "1")
            assert status in (0, -signal.SIGKILL)
            assert published(root) == RUN_A
            seen.add(_what_is_left(run, whole))
            list(prune(LocalRoot(root), Rule(1, 0), datetime.now(UTC), dry_run=False))
            assert tree(root) == after
            if run.exists():
                # Killed at the last step: a folder with nothing in it.
                run.rmdir()
            if status == 0:
                break
            shutil.copytree(whole, run)
    assert seen == {"all", "part", "none"}


def _what_is_left(run: Path, whole: Path) -> str:
    """Say how much of a run is left; only if it is all there, it can be promoted."""
    if not run.exists():
        return "none"
    if (run / "manifest.json").exists():
        assert tree(run) == tree(whole)
        return "all"
    with pytest.raises(ContractError, match="has no manifest"):
        load_manifest(LocalRoot(run.parent.parent), run.name)
    return "part"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "say what to keep: --keep N, --keep-days D, or both"),
        (["--dry-run"], "say what to keep"),
        (["--keep", "-1"], "--keep"),
        (["--keep", "all"], "--keep"),
        (["--keep-days", "36501"], "--keep-days"),
        (["--keep", "1", RUN_A], "unexpected extra argument"),
    ],
)
def test_wrong_usage_removes_nothing(
    root: Path, arguments: list[str], message: str
) -> None:
    build(RUN_A, promote=False)
    done = publish("prune", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr
    assert _runs(root) == [RUN_A]


def _young(number: int) -> str:
    """A run of the hour in which the tests began."""
    return f"{BEGAN:%Y%m%dT%H}0000{number:06}Z-aaaaaaaa"


def _runs(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "runs").iterdir())


def _without(files: dict[str, bytes | str], run_id: str) -> dict[str, bytes | str]:
    """All but a run; what `latest` showed of it before is not the run's."""
    folder = f"runs/{run_id}/"
    return {path: text for path, text in files.items() if not path.startswith(folder)}

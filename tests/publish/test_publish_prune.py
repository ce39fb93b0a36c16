"""`publish prune`: which runs go, which never do, and what a stop leaves."""

from datetime import UTC, datetime

from publish.prune import Rule, Run, judge

NOW = datetime(2025, 3, 1, tzinfo=UTC)


def run_id(day: int, hour: int = 0) -> str:
    """A run of a day of February 2025, or (29) of the first of March."""
    month, day = (3, 1) if day == 29 else (2, day)
    return f"2025{month:02}{day:02}T{hour:02}0000000000Z-aaaaaaaa"


def kept(runs: list[Run], keep: int, keep_days: int, promoted: str = "") -> list[str]:
    """The ids that stay, of runs that come newest first."""
    verdicts = judge(runs, promoted, Rule(keep, keep_days), NOW)
    assert [verdict.run_id for verdict in verdicts] == [run.run_id for run in runs]
    return [verdict.run_id for verdict in verdicts if verdict.is_kept]


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

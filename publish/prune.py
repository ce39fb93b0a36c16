"""Removing old runs: which ones may go, and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Run:
    """What is to be known of a run to judge it.

    `is_finished`: it has a manifest. `is_half_removed`: an earlier prune was stopped.
    `is_held`: a process on this machine is writing it.
    """

    run_id: str
    is_finished: bool = True
    is_half_removed: bool = False
    is_held: bool = False


@dataclass(frozen=True)
class Rule:
    """A run is kept among the newest `keep`, or if it is younger than `keep_days`."""

    keep: int
    keep_days: int


@dataclass(frozen=True)
class Verdict:
    """What becomes of a run, and why."""

    run_id: str
    is_kept: bool
    reason: str


def judge(
    runs: Iterable[Run], promoted: str | None, rule: Rule, now: datetime
) -> list[Verdict]:
    """Return a verdict on each of the runs, which come newest first.

    Only finished runs count for `keep`, so failed nights do not push out what one
    could go back to. A run is as old as its id says.
    """
    verdicts = []
    newer = 0
    for run in runs:
        age = now - _began_at(run.run_id)
        why = "promoted" if run.run_id == promoted else _why_kept(run, newer, age, rule)
        verdicts.append(Verdict(run.run_id, bool(why), why or _why_removed(run, age)))
        newer += run.is_finished
    return verdicts


def _why_kept(run: Run, newer: int, age: timedelta, rule: Rule) -> str:
    """Return why a run stays; empty where nothing keeps it."""
    if run.is_held:
        return "being written"
    if run.is_half_removed:
        return ""
    if newer < rule.keep:
        return f"among the newest {rule.keep}"
    if age < rule.keep_days * DAY:
        return f"younger than {rule.keep_days} days"
    if not run.is_finished and age < DAY:
        return "unfinished and younger than a day: it may be in progress"
    return ""


def _why_removed(run: Run, age: timedelta) -> str:
    if run.is_half_removed:
        return "an earlier prune was stopped while it removed it"
    return f"{'' if run.is_finished else 'unfinished, '}{age // DAY} days old"


def _began_at(run_id: str) -> datetime:
    """Return when a run began; what is no time is never old."""
    try:
        began_at = datetime.strptime(run_id.partition("-")[0], "%Y%m%dT%H%M%S%fZ")
    except ValueError:
        began_at = datetime.max
    return began_at.replace(tzinfo=UTC)

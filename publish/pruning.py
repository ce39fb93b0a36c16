"""Removing old runs: which ones go, and why."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.errors import ContractError
from common.retention import DAY, Rule, Verdict
from publish.layout import MANIFEST, REMOVED, began_at, run_key
from publish.promotion import load_promoted
from publish.root import Root
from publish.staging import is_held


@dataclass(frozen=True)
class Run:
    """What decides whether a run is removed.

    `is_finished`: it has a manifest. `is_half_removed`: an earlier prune was stopped.
    `is_held`: a process on this machine is writing it.
    """

    run_id: str
    is_finished: bool = True
    is_half_removed: bool = False
    is_held: bool = False


def prune(root: Root, rule: Rule, now: datetime, *, dry_run: bool) -> Iterator[Verdict]:
    """Remove old runs; yield a verdict on each run, newest first, once it is done.

    The promoted run stays, and so do runs that could be in progress. Raise
    ContractError, before anything is removed, if the promoted run cannot be read;
    LostRaceError if another run is promoted meanwhile.
    """
    began_with = root.current().version
    try:
        promoted = load_promoted(root)
    except ContractError as error:
        raise ContractError(
            f"nothing is removed, as the promoted run is unknown: {error}"
        ) from error
    promoted_id = promoted.about.run_id if promoted else None
    runs = [_look_at(root, run_id) for run_id in root.run_ids()]
    for verdict in judge(runs, promoted_id, rule, now):
        if not (verdict.is_kept or dry_run):
            _remove(root, verdict.name, began_with)
        yield verdict


def judge(
    runs: Iterable[Run], promoted: str | None, rule: Rule, now: datetime
) -> list[Verdict]:
    """Return a verdict on each of the runs, which come newest first.

    Only finished runs count for `keep`, so failed nights do not displace runs to go
    back to. The id of a run tells its age.
    """
    verdicts = []
    newer = 0
    for run in runs:
        age = now - began_at(run.run_id)
        why = "promoted" if run.run_id == promoted else _why_kept(run, newer, age, rule)
        verdicts.append(Verdict(run.run_id, bool(why), why or _why_removed(run, age)))
        newer += run.is_finished
    return verdicts


def _look_at(root: Root, run_id: str) -> Run:
    files = root.list_files(run_key(run_id))
    is_half_removed = REMOVED in files
    is_finished = MANIFEST in files and not is_half_removed
    is_held_now = not is_finished and is_held(root.staging, run_id)
    return Run(run_id, is_finished, is_half_removed, is_held_now)


def _remove(root: Root, run_id: str, began_with: str) -> None:
    # Hold the right to promote for one run at a time, so a promotion waits little.
    with root.promoting():
        root.remove_run(run_id, began_with)


def _why_kept(run: Run, newer: int, age: timedelta, rule: Rule) -> str:
    """Return why a run stays; empty if it does not."""
    if run.is_held:
        return "being written"
    if run.is_half_removed:
        return ""
    is_new = not run.is_finished and age < DAY
    in_progress = "unfinished and younger than a day: it could be in progress"
    return rule.why_kept(newer, age) or (in_progress if is_new else "")


def _why_removed(run: Run, age: timedelta) -> str:
    if run.is_half_removed:
        return "an earlier prune was stopped while it removed it"
    return f"{'' if run.is_finished else 'unfinished, '}{age // DAY} days old"

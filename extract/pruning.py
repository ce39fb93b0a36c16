"""Removing old loads and abandoned stagings: which ones go, and why.

A load leaves `loads` in one rename and is removed in the staging area, so that the rest
of a stopped prune does not look like a load; the next prune or load removes it. Readers
of a load hold its folder (`common.locks.hold`).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from common.errors import StorageError
from common.files import remove, storage, sync
from common.locks import alone, is_held
from common.retention import DAY, Rule, Verdict, younger_than
from extract.landing import (
    LOAD_ID,
    LOADS,
    Load,
    begun_at,
    current_id,
    load_folders,
    lock,
    read_load,
)
from extract.resume import LOCK, WANTED, last_read_at
from extract.staging import STAGING

REMOVED = ".removed"
STAGED = re.compile(rf"({LOAD_ID.pattern})({re.escape(REMOVED)})?")


# Returns the ids of the loads that must stay, and why.
type LoadsInUse = Callable[[], Mapping[str, str]]


def prune(
    landing: Path,
    loads_in_use: LoadsInUse,
    rule: Rule,
    now: datetime,
    *,
    dry_run: bool,
) -> Iterator[Verdict]:
    """Remove old loads; yield the verdict on each, newest first, once it is done.

    Leftovers of interrupted loads and prunes come first. `judge` says which loads stay
    whatever the rule. `loads_in_use` is called before anything is removed, and again
    before each removal; its errors end the prune. StorageError.
    """
    if not landing.is_dir():
        return
    in_use = loads_in_use()
    for name in _staged(landing):
        with storage(landing), lock(landing):
            verdict = _prune_staging(landing / STAGING / name, rule, now, dry_run)
        yield verdict
    for verdict in judge(_loads(landing), current_id(landing), in_use, rule, now):
        if verdict.is_kept:
            yield verdict
        elif why := _remove_load(landing, loads_in_use, verdict.name, dry_run=dry_run):
            yield Verdict(verdict.name, True, why)
        else:
            yield verdict


# Loads


def judge(
    loads: Mapping[str, Load | None],
    current: str | None,
    in_use: Mapping[str, str],
    rule: Rule,
    now: datetime,
) -> list[Verdict]:
    """Return a verdict on each load (given newest first, damaged ones as None).

    These stay: the current load, each load in use, and the newest full load of each
    portal, as the next load reuses its rows and is compared with it. Only loads that
    could be current count for `keep`.
    """
    newest = _newest_full(loads)
    verdicts, newer = [], 0
    for load_id, load in loads.items():
        age = _age(load_id, now)
        why = (
            _why_needed(load_id, current, in_use)
            or newest.get(load_id)
            or rule.why_kept(newer, age)
        )
        verdicts.append(Verdict(load_id, bool(why), why or _old(load, age)))
        newer += load is not None and not load.is_held_back
    return verdicts


def _newest_full(loads: Mapping[str, Load | None]) -> dict[str, str]:
    """Return the loads that are the newest full ones of a portal, and why they stay."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    for load_id, load in loads.items():
        if load is not None and load.is_full:
            portals = [key for key in load.facts["portals"] if key not in seen]
            if portals:
                found[load_id] = f"the newest with all of {', '.join(portals)}"
            seen.update(portals)
    return found


def _why_needed(load_id: str, current: str | None, in_use: Mapping[str, str]) -> str:
    return "current" if load_id == current else in_use.get(load_id, "")


def _old(load: Load | None, age: timedelta) -> str:
    if load is None:
        return f"damaged, {age // DAY} days old"
    return f"{'held back, ' if load.is_held_back else ''}{age // DAY} days old"


def _age(load_id: str, now: datetime) -> timedelta:
    """Return a load's age by its id; an id without a time counts as recent."""
    try:
        return now - begun_at(load_id)
    except ValueError:
        return now - datetime.max.replace(tzinfo=UTC)


def _loads(landing: Path) -> dict[str, Load | None]:
    """Return the loads, newest first. Skip other folders."""
    folders = [f for f in load_folders(landing) if LOAD_ID.fullmatch(f.name)]
    return {f.name: _read(f) for f in folders if f.is_dir() and not f.is_symlink()}


def _read(folder: Path) -> Load | None:
    try:
        return read_load(folder)
    except StorageError:
        return None


def _remove_load(
    landing: Path, loads_in_use: LoadsInUse, load_id: str, *, dry_run: bool
) -> str:
    """Remove a load; return why not if it has become needed meanwhile."""
    folder = landing / LOADS / load_id
    with storage(folder), lock(landing), alone(folder) as is_alone:
        if not folder.exists():
            return ""
        if not is_alone:
            return "a build or a load reads it"
        # A build that read it has promoted its run by now.
        why = _why_needed(load_id, current_id(landing), loads_in_use())
        if not (why or dry_run):
            removed = landing / STAGING / (load_id + REMOVED)
            folder.rename(removed)
            sync(folder.parent)
            sync(removed.parent)
            remove(removed)
    return why


# Stagings


def _staged(landing: Path) -> list[str]:
    staging = landing / STAGING
    with storage(staging):
        if not staging.is_dir():
            return []
        names = [path.name for path in staging.iterdir() if path.is_dir()]
    return sorted(filter(STAGED.fullmatch, names), reverse=True)


def _prune_staging(folder: Path, rule: Rule, now: datetime, dry_run: bool) -> Verdict:
    """Remove a folder of the staging area unless a load uses or can resume it."""
    why = _why_staged(folder, rule, now)
    if folder.exists() and not (why or dry_run):
        # Without it, the rest is not resumed if the removal stops half-way.
        (folder / WANTED).unlink(missing_ok=True)
        remove(folder)
    is_half_removed = folder.name.endswith(REMOVED)
    left = "left by an interrupted prune"
    reason = why or (left if is_half_removed else "left by an interrupted load")
    return Verdict(f"{STAGING}/{folder.name}", bool(why), reason)


def _why_staged(folder: Path, rule: Rule, now: datetime) -> str:
    """Return why a staging stays, or an empty text."""
    if is_held(folder / LOCK):
        return "a load is in progress"
    last = last_read_at(folder)
    days = max(1, rule.keep_days)
    if last is None or now - datetime.fromisoformat(last) >= days * DAY:
        return ""
    return f"the next load can resume it: {younger_than(days)}"

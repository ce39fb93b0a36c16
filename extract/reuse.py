"""What a load reuses of earlier loads.

It resumes jobs that an interrupted load has read (`extract.resume`), and carries over
access keys and users of complete loads, and users of the interrupted one
(`extract.carry`).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from common.errors import StorageError
from common.locks import reading
from extract.carry import KnownRows, TornError, carry, loads_to_carry, resume_users
from extract.client import utc_text
from extract.landing import Load, load_folders, open_duckdb, read_load
from extract.resume import KNOWN, ROWS, SCRATCH
from extract.staging import Window


@dataclass(frozen=True)
class Reuse:
    """How old reused rows can be. `is_fresh`: resume no interrupted load."""

    max_age_keys: timedelta = timedelta(days=30)
    max_age_users: timedelta = timedelta(days=7)
    resume_within: timedelta = timedelta(hours=6)
    is_fresh: bool = False


@dataclass(frozen=True)
class Earlier:
    """The known rows of a portal.

    `reading` is the window for jobs of an interrupted load, `ages` has the window for
    rows of each entity.
    """

    known: KnownRows
    reading: Window
    ages: Mapping[str, Window]


def window(started: datetime, age: timedelta) -> Window:
    """Return the window from `age` before a load's start to the start."""
    return Window(utc_text(started - age), utc_text(started))


def read_loads(landing: Path, log: FilteringBoundLogger | None = None) -> list[Load]:
    """Return the complete loads, newest first; log those that cannot be read."""
    loads = []
    for folder in load_folders(landing):
        try:
            loads.append(read_load(folder))
        except StorageError as error:
            if log:
                log.warning("load_not_used", load_id=folder.name, reason=str(error))
    return loads


@contextmanager
def known_already(
    folder: Path,
    sources: Mapping[str, str],
    loads: Sequence[Load],
    *,
    reuse: Reuse,
    started: datetime,
    log: FilteringBoundLogger,
) -> Iterator[dict[str, Earlier]]:
    """Gather the known rows of each portal in a load's folder, until the block ends.

    `sources` has the source of each portal, `loads` the complete loads, newest first.
    """
    reading = window(started, reuse.resume_within)
    ages = {
        "access_keys": window(started, reuse.max_age_keys),
        "users": window(started, reuse.max_age_users),
    }
    with ExitStack() as stack:
        earlier = {}
        for key, source in sources.items():
            known = stack.enter_context(KnownRows(folder / KNOWN / f"{key}.sqlite"))
            of_portal = Earlier(known, _since_complete(reading, loads, key), ages)
            chosen = loads_to_carry(loads, key, source, ages)
            _carry_all(of_portal, chosen, key, folder / SCRATCH, log)
            resume_users(known, folder / ROWS / key, of_portal.reading)
            earlier[key] = of_portal
        yield earlier


def _since_complete(reading: Window, loads: Sequence[Load], key: str) -> Window:
    """Return the window without the time before the last complete load."""
    ends = (load.finished_at for load in loads if load.portal(key))
    return Window(max([reading.since, *ends]), reading.until)


def _carry_all(
    earlier: Earlier,
    loads: Sequence[Load],
    key: str,
    scratch: Path,
    log: FilteringBoundLogger,
) -> None:
    """Add the fresh rows of complete loads; none at all if one is damaged."""
    with open_duckdb(scratch) as engine:
        for load in loads:
            try:
                with reading(load.folder) as is_there:
                    if is_there:
                        carry(earlier.known, engine, load, key, earlier.ages)
            except TornError as error:
                earlier.known.clear()
                log.warning(
                    "nothing_carried",
                    portal=key,
                    load_id=load.load_id,
                    reason=str(error),
                )
                return

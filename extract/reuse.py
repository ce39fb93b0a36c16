"""What a load need not ask for, because earlier loads have asked for it.

Jobs that an interrupted load had read are gone on with (`extract.resume`); access keys
and users of complete loads are taken over (`extract.carry`), and users that the
interrupted load had asked for.
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
    """How old may be what is not asked for again.

    `is_fresh`: no interrupted load is gone on with.
    """

    max_age_keys: timedelta = timedelta(days=30)
    max_age_users: timedelta = timedelta(days=7)
    resume_within: timedelta = timedelta(hours=6)
    is_fresh: bool = False


@dataclass(frozen=True)
class Earlier:
    """What is known of a portal.

    `reading` says when a job may have been read by an interrupted load, `ages` of when
    the rows of an entity may be.
    """

    known: KnownRows
    reading: Window
    ages: Mapping[str, Window]


def window(started: datetime, age: timedelta) -> Window:
    """Give the time that something may be of, at a load's start."""
    return Window(utc_text(started - age), utc_text(started))


def read_loads(landing: Path, log: FilteringBoundLogger | None = None) -> list[Load]:
    """Read what the complete loads say of themselves, newest first.

    The log, if there is one, is told which cannot be read.
    """
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
    """Gather what is known of each portal, in a load's folder, until the block ends.

    `sources` says where each portal is asked, `loads` are the complete ones, newest
    first.
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
    """Let an interrupted load not undo what a complete one has read later."""
    ends = (load.finished_at for load in loads if load.portal(key))
    return Window(max([reading.since, *ends]), reading.until)


def _carry_all(
    earlier: Earlier,
    loads: Sequence[Load],
    key: str,
    scratch: Path,
    log: FilteringBoundLogger,
) -> None:
    """Note the fresh rows of complete loads; if one is torn, none at all."""
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

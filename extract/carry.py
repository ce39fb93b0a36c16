"""What a load reuses of earlier loads, besides the jobs that it resumes.

Access keys and users cost one request each and rarely change, so a load carries over
those that complete loads fetched recently, and the users of the load that it resumes.
Before a portal is read they are put into a small database beside the staged rows, ready
to be written, so memory does not grow with their number.

The newest row of a key counts. A row that says "none" (a subject without a key, a user
who is gone, a quarantined row) is never carried over, nor is an older row of its key.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched
from pathlib import Path
from typing import NamedTuple, Self

import duckdb
from structlog.typing import FilteringBoundLogger

from common.errors import StorageError
from common.files import storage
from common.locks import reading
from extract.client import utc_text
from extract.jsontext import dumps
from extract.landing import SCHEMA, Load, begun_at, open_duckdb, quoted, rows_of
from extract.resume import KNOWN, ROWS, SCRATCH
from extract.shapes import Row
from extract.staging import MAX_ROW_BYTES, Window

BATCH = 1000
NONE = b""
UNKNOWN_PAYLOADS = (None, "{}")
KEYS = {"access_keys": ("job_uuid", "subject_uuid"), "users": ("user_uuid",)}
TIME_TEXT = "strftime(fetched_at, '%Y-%m-%dT%H:%M:%S.%fZ')"


@dataclass(frozen=True)
class Reuse:
    """How old reused rows can be. `is_fresh`: resume no interrupted load."""

    max_age_keys: timedelta = timedelta(days=30)
    max_age_users: timedelta = timedelta(days=7)
    resume_within: timedelta = timedelta(hours=6)
    is_fresh: bool = False


class TornError(Exception):
    """The files of an earlier load are incomplete or damaged."""


class Known(NamedTuple):
    """A known row, as the line to write, and when it was fetched.

    The line is empty if the portal had none. `is_resumed`: an interrupted load fetched
    it, otherwise a complete one did.
    """

    line: bytes
    fetched_at: str
    is_resumed: bool

    @property
    def row(self) -> Row:
        """The row itself."""
        row: Row = json.loads(self.line)
        return row


class KnownRows:
    """The known rows of one portal by their keys, on disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with storage(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        with self._storage():
            self._database = sqlite3.connect(path)
            # It is removed when the load ends, so it need not survive a crash.
            self._database.execute("pragma journal_mode = off")
            self._database.execute("pragma synchronous = off")
            for entity in KEYS:
                self._database.execute(
                    f"create table {entity} (key blob primary key, line blob, "
                    "fetched_at text, is_resumed integer) without rowid"
                )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def clear(self) -> None:
        """Remove all rows."""
        with self._storage():
            for entity in KEYS:
                self._database.execute(f"delete from {entity}")  # noqa: S608

    def add(self, entity: str, rows: Iterable[Row], is_resumed: bool = False) -> None:
        """Add rows, unless a newer one of the same key is known."""
        entries = (
            (_key(*(row[name] for name in KEYS[entity])), *_known(entity, row))
            for row in rows
        )
        for batch in batched(entries, BATCH):
            with self._storage():
                self._database.executemany(
                    f"insert into {entity} values (?, ?, ?, {is_resumed:d}) "  # noqa: S608
                    "on conflict do update set line = excluded.line, "
                    "fetched_at = excluded.fetched_at, "
                    "is_resumed = excluded.is_resumed "
                    "where excluded.fetched_at > fetched_at",
                    batch,
                )

    def find(self, entity: str, *key: str) -> Known | None:
        """Return the known row of a key."""
        with self._storage():
            found = self._database.execute(
                f"select line, fetched_at, is_resumed from {entity} where key = ?",  # noqa: S608
                [_key(*key)],
            ).fetchone()
        return Known(found[0], found[1], bool(found[2])) if found else None

    @contextmanager
    def _storage(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StorageError(f"{self._path}: {error}") from error


def _key(*parts: str) -> bytes:
    return json.dumps(parts).encode()


def _known(entity: str, row: Row) -> tuple[bytes, str]:
    line = dumps(row).encode() + b"\n"
    is_known = bool(row["access_keys"]) if entity == "access_keys" else _is_there(row)
    usable = is_known and len(line) <= MAX_ROW_BYTES
    return (line if usable else NONE), row["fetched_at"]


def _is_there(user: Row) -> bool:
    return not user["is_gone"] and user["payload"] not in UNKNOWN_PAYLOADS


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
    """Yield the known rows of each portal; they are kept until the block ends.

    `folder` is the load's, `sources` has the source of each portal, and `loads` the
    complete loads, newest first.
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


# From complete loads


def loads_to_carry(
    loads: Sequence[Load], key: str, source: str, windows: Mapping[str, Window]
) -> list[Load]:
    """Return the loads (given newest first) that may have fresh rows of a portal.

    These are the newest full load from the same source, and newer loads of some jobs.
    """
    since = min(window.since for window in windows.values())
    found = []
    for load in loads:
        if load.facts["extracted_at"] <= since:
            break
        if load.portal(key).get("source") == source:
            found.append(load)
            if load.is_full:
                break
    return found


def carry(
    known: KnownRows,
    engine: duckdb.DuckDBPyConnection,
    load: Load,
    key: str,
    windows: Mapping[str, Window],
) -> None:
    """Add the fresh rows of a complete load; TornError if it is damaged."""
    for entity, window in windows.items():
        path = load.files(key) / f"{entity}.parquet"
        try:
            _check(engine, entity, path, load.portal(key).get("rows"))
            known.add(entity, _rows(engine, entity, path, window))
        except duckdb.Error as error:
            kind = type(error).__name__
            raise TornError(f"{path.name} cannot be read ({kind})") from None


def _check(
    engine: duckdb.DuckDBPyConnection, entity: str, path: Path, rows: object
) -> None:
    """Compare a file's columns with the schema, and its rows with load.json."""
    found = f"from read_parquet({quoted(path)}, hive_partitioning = false)"
    described = engine.execute(f"describe {found}").fetchall()
    wanted = engine.execute(f"describe {rows_of(SCHEMA[entity], [])}").fetchall()
    if described != wanted:
        raise TornError(f"{path.name} has other columns than the schema")
    counted = engine.execute(f"select count(*) {found}").fetchone()
    if isinstance(rows, dict) and counted != (rows.get(entity),):
        raise TornError(f"{path.name} has other row counts than load.json")


def _rows(
    engine: duckdb.DuckDBPyConnection, entity: str, path: Path, window: Window
) -> Iterator[Row]:
    columns = [*SCHEMA[entity]]
    keys = " and ".join(f"{name} is not null" for name in KEYS[entity])
    listed = ", ".join(columns[:-1])
    result = engine.execute(
        f"select {listed}, {TIME_TEXT} from read_parquet({quoted(path)}, "  # noqa: S608
        f"hive_partitioning = false) where {keys} and fetched_at > ?::timestamptz "
        "and fetched_at <= ?::timestamptz",
        [window.since, window.until],
    )
    while found := result.fetchmany(BATCH):
        for values in found:
            yield dict(zip(columns, values, strict=True))


# From an interrupted load


def resume_users(known: KnownRows, folder: Path, reading: Window) -> None:
    """Add the users that interrupted loads fetched within a window.

    `folder` has a portal's staged rows, with users in `users-LOAD_ID.ndjson`.
    """
    for path in sorted(folder.glob("users-*.ndjson")):
        began = utc_text(begun_at(path.stem.removeprefix("users-")))
        own = Window(max(began, reading.since), reading.until)
        fresh = (row for row in _whole_lines(path) if row["fetched_at"] in own)
        known.add("users", fresh, is_resumed=True)


def _whole_lines(path: Path) -> Iterator[Row]:
    """Yield the rows of a file that can be cut off anywhere."""
    with storage(path), path.open("rb") as file:
        for line in file:
            try:
                row: Row = json.loads(line)
            except ValueError:
                return
            yield row

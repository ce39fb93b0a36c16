"""The staged rows of a load in progress: lines of JSON.

    .staging/LOAD_ID/lock                          held while the load runs
    .staging/LOAD_ID/wanted.json                   which portals and jobs it reads
    .staging/LOAD_ID/rows/KEY/ENTITY.ndjson        activities and users of a portal
    .staging/LOAD_ID/rows/KEY/jobs/HASH/...        the rows of one job, complete
    .staging/LOAD_ID/rows/KEY/jobs/HASH.part/...   the same, being written
    .staging/LOAD_ID/load/...                      the future loads/LOAD_ID

A job's folder gets its name only when all of the job has been read, so that no part of
a job that is gone or was interrupted is ever landed. Its `whole.json` lists its
contents with checksums, which a load that resumes the job verifies. A job that is gone
or has quarantined rows has none, and is read again.
"""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self
from urllib.parse import quote
from zlib import crc32

from common.files import storage
from extract.jsontext import RowError, dumps
from extract.shapes import Row

STAGING = ".staging"
JOBS = "jobs"
WHOLE = "whole.json"
MAX_ROW_BYTES = 4 * 1024 * 1024
QUARANTINE = "quarantine"
CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Window:
    """The times that count as fresh: after `since`, up to `until`.

    A later time means that the clock has been set back, so the age is unknown.
    """

    since: str
    until: str

    def __contains__(self, at: str) -> bool:
        return self.since < at <= self.until


@dataclass(frozen=True)
class Staged:
    """Written rows: their folder, and their number by entity.

    `carried` counts those that come from an earlier load; `bad` says which row of an
    entity was quarantined first, and why.
    """

    folder: Path
    counts: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)
    carried: Counter[str] = field(default_factory=Counter)
    bad: dict[str, str] = field(default_factory=dict)

    def file(self, entity: str) -> Path:
        """Return the path of an entity's rows; without rows there is no file."""
        return self.folder / f"{entity}.ndjson"


class Rows:
    """Writes the rows of one folder, one file for each entity that has rows."""

    def __init__(self, folder: Path) -> None:
        self.staged = Staged(folder)
        self.checksums: Counter[str] = Counter()
        self.oldest_carried: str | None = None
        self._files: dict[str, BinaryIO] = {}
        with storage(folder):
            folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with storage(self.staged.folder), ExitStack() as stack:
            for file in self._files.values():
                stack.callback(file.close)
        self._files.clear()

    def flush(self) -> None:
        """Hand all rows to the system, so that they survive a kill of this process."""
        with storage(self.staged.folder):
            for file in self._files.values():
                file.flush()

    def add(
        self, entity: str, where: str, fetched_at: str, build: Callable[[], Row]
    ) -> Row | None:
        """Write the row that `build` returns; quarantine it if it cannot be landed.

        `where` is the quarantine's key: ids and positions, nothing else.
        """
        try:
            row = build()
            self.write(entity, encode({**row, "fetched_at": fetched_at}))
        except RowError as error:
            self._quarantine(entity, where, str(error))
        except RecursionError:
            self._quarantine(entity, where, "nested too deeply")
        else:
            return row
        return None

    def carry(self, entity: str, line: bytes, fetched_at: str) -> None:
        """Write a row of an earlier load as it was."""
        self.write(entity, line)
        self.staged.carried[entity] += 1
        self.oldest_carried = min(fetched_at, self.oldest_carried or fetched_at)

    def _quarantine(self, entity: str, where: str, reason: str) -> None:
        key = where.encode(errors="backslashreplace").decode()
        self.write(QUARANTINE, encode({"entity": entity, "key": key, "reason": reason}))
        self.staged.quarantined[entity] += 1
        self.staged.bad.setdefault(entity, f"{quote(key)}: {reason}")

    def write(self, entity: str, line: bytes) -> None:
        """Write a row that is already a line of JSON."""
        with storage(self.staged.folder):
            if entity not in self._files:
                self._files[entity] = self.staged.file(entity).open("wb")
            self._files[entity].write(line)
        self.staged.counts[entity] += 1
        self.checksums[entity] = crc32(line, self.checksums[entity])


def encode(row: Row) -> bytes:
    """Return a row as one line of JSON, its payload as JSON text; RowError."""
    if row.get("payload") is not None:
        row = {**row, "payload": dumps(row["payload"])}
    try:
        line = dumps(row).encode()
    except UnicodeEncodeError as error:
        raise RowError("a lone surrogate, which UTF-8 cannot encode") from error
    if len(line) > MAX_ROW_BYTES:
        raise RowError(f"larger than {MAX_ROW_BYTES:,} bytes")
    return line + b"\n"


class PortalRows:
    """The staged rows of one portal: its own and those of its jobs.

    `asked` counts the requests for single rows by entity; `resumed_jobs` and
    `resumed_users` count what an interrupted load had already read.
    """

    def __init__(self, folder: Path) -> None:
        self.own = Rows(folder)
        self.asked: Counter[str] = Counter()
        self.resumed_jobs = 0
        self.resumed_users = 0
        self._jobs: dict[str, Staged] = {}

    @contextmanager
    def job(self, job: str, read_at: str, is_gone: bool = False) -> Iterator[Rows]:
        """Write a job's rows, kept only if the block succeeds.

        `read_at` is when the reading of the job began.
        """
        whole = self._folder(job)
        part = whole.with_suffix(".part")
        with storage(part):
            for left in (part, whole):
                if left.exists():
                    shutil.rmtree(left)
        with Rows(part) as rows:
            yield rows
        # The users of the job must be on file before the job counts as complete.
        self.own.flush()
        with storage(whole):
            if not (is_gone or rows.staged.quarantined):
                _write_whole(rows, job, read_at)
            part.rename(whole)
        self._jobs[job] = replace(rows.staged, folder=whole)

    def resume(self, job: str, reading: Window, carried: Window) -> Staged | None:
        """Reuse a job that an interrupted load has read, if it is complete and fresh.

        `reading` is the window for the job, `carried` that for rows which the
        interrupted load had itself carried over.
        """
        folder = self._folder(job)
        whole = read_object(folder / WHOLE)
        if whole.get("job") != job or whole["read_at"] not in reading:
            return None
        oldest: str | None = whole["oldest_carried"]
        if oldest is not None and oldest not in carried:
            return None
        staged = Staged(folder, Counter(whole["counts"]))
        if any(_checksum(staged.file(e)) != n for e, n in whole["checksums"].items()):
            return None
        self._jobs[job] = staged
        self.resumed_jobs += 1
        return staged

    def _folder(self, job: str) -> Path:
        name = hashlib.sha256(job.encode()).hexdigest()[:32]
        return self.own.staged.folder / JOBS / name

    def files(self, entity: str) -> list[Path]:
        """Return the files of an entity, in the order of the jobs' uuids."""
        return [s.file(entity) for s in self._all() if s.counts[entity]]

    def counts(self) -> Counter[str]:
        """Return the number of rows by entity."""
        return sum((staged.counts for staged in self._all()), Counter())

    def quarantined(self) -> Counter[str]:
        """Return the number of quarantined rows by entity."""
        return sum((staged.quarantined for staged in self._all()), Counter())

    def first_bad(self, entity: str) -> str:
        """Return which row of an entity was quarantined first, and why."""
        return next(s.bad[entity] for s in self._all() if entity in s.bad)

    def carried(self) -> Counter[str]:
        """Return the number of carried rows by entity."""
        return sum((staged.carried for staged in self._all()), Counter())

    def _all(self) -> list[Staged]:
        return [self.own.staged, *(self._jobs[job] for job in sorted(self._jobs))]


def _write_whole(rows: Rows, job: str, read_at: str) -> None:
    whole = {
        "job": job,
        "read_at": read_at,
        "oldest_carried": rows.oldest_carried,
        "counts": rows.staged.counts,
        "checksums": rows.checksums,
    }
    path = rows.staged.folder / WHOLE
    path.write_text(json.dumps(whole), encoding="utf-8")


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object of a file; empty if it is missing or incomplete."""
    with storage(path):
        try:
            found: dict[str, Any] = json.loads(path.read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
    return found


def _checksum(path: Path) -> int | None:
    checksum = 0
    with storage(path):
        try:
            with path.open("rb") as file:
                while chunk := file.read(CHUNK):
                    checksum = crc32(chunk, checksum)
        except FileNotFoundError:
            return None
    return checksum


def field_of(path: Path, name: str) -> Iterator[Any]:
    """Yield one field of each staged row of a file; nothing if it is missing."""
    with storage(path):
        if path.exists():
            with path.open("rb") as file:
                yield from (json.loads(line)[name] for line in file)

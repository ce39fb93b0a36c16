"""Where a load is written while it is being read: rows as lines of JSON.

    .staging/LOAD_ID/lock                          held while the load lives
    .staging/LOAD_ID/rows/KEY/ENTITY.ndjson        activities and users of a portal
    .staging/LOAD_ID/rows/KEY/jobs/HASH/...        what one job's reading gave, whole
    .staging/LOAD_ID/rows/KEY/jobs/HASH.part/...   the same, being written
    .staging/LOAD_ID/load/...                      what becomes loads/LOAD_ID

A job's folder gets its name only when all of the job has been read, so that nothing of
a job that is gone or was interrupted is ever landed.
"""

import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from extract.files import is_held, locked, storage
from extract.jsontext import RowError, dumps
from extract.shapes import Row

STAGING = ".staging"
MAX_ROW_BYTES = 4 * 1024 * 1024
QUARANTINE = "quarantine"


class Rows:
    """The rows of one folder: a file an entity, opened with its first row."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.counts: Counter[str] = Counter()
        self.quarantined: Counter[str] = Counter()
        self._files: dict[str, BinaryIO] = {}
        with storage(folder):
            folder.mkdir(parents=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with storage(self.folder), ExitStack() as stack:
            for file in self._files.values():
                stack.callback(file.close)
        self._files.clear()

    def add(
        self, entity: str, where: str, fetched_at: str, build: Callable[[], Row]
    ) -> Row | None:
        """Write the row that `build` gives; one that cannot be landed is quarantined.

        `where` is the quarantine's key: ids and positions, nothing else.
        """
        try:
            row = build()
            self._write(entity, encode({**row, "fetched_at": fetched_at}))
        except RowError as error:
            self._quarantine(entity, where, str(error))
        except RecursionError:
            self._quarantine(entity, where, "nested too deeply")
        else:
            return row
        return None

    def _quarantine(self, entity: str, where: str, reason: str) -> None:
        key = where.encode(errors="backslashreplace").decode()
        self._write(
            QUARANTINE, encode({"entity": entity, "key": key, "reason": reason})
        )
        self.quarantined[entity] += 1

    def _write(self, entity: str, line: bytes) -> None:
        with storage(self.folder):
            if entity not in self._files:
                self._files[entity] = (self.folder / f"{entity}.ndjson").open("wb")
            self._files[entity].write(line)
        self.counts[entity] += 1


def encode(row: Row) -> bytes:
    """Write a row as one line of JSON, its payload as JSON text; or RowError."""
    if row.get("payload") is not None:
        row = {**row, "payload": dumps(row["payload"])}
    try:
        line = dumps(row).encode()
    except UnicodeEncodeError as error:
        raise RowError("a lone surrogate, which no UTF-8 text can have") from error
    if len(line) > MAX_ROW_BYTES:
        raise RowError(f"larger than {MAX_ROW_BYTES:,} bytes")
    return line + b"\n"


class PortalRows:
    """What the reading of one portal has staged: its own rows and its jobs'."""

    def __init__(self, folder: Path) -> None:
        self.own = Rows(folder)
        self._jobs: dict[str, Rows] = {}

    @contextmanager
    def job(self, job: str) -> Iterator[Rows]:
        """Give the place for a job's rows, kept only if the block ends well."""
        name = hashlib.sha256(job.encode()).hexdigest()[:32]
        whole = self.own.folder / "jobs" / name
        part = whole.with_suffix(".part")
        with storage(part):
            if part.exists():
                shutil.rmtree(part)
        with Rows(part) as rows:
            yield rows
        with storage(whole):
            rows.folder = rows.folder.rename(whole)
        self._jobs[job] = rows

    def files(self, entity: str) -> list[Path]:
        """List the files of an entity, in the order of the jobs' uuids."""
        files = (rows.folder / f"{entity}.ndjson" for rows in self._all())
        return [file for file in files if file.exists()]

    def counts(self) -> Counter[str]:
        """Count the rows by entity."""
        return sum((rows.counts for rows in self._all()), Counter())

    def quarantined(self) -> Counter[str]:
        """Count the quarantined rows by the entity that they would have been of."""
        return sum((rows.quarantined for rows in self._all()), Counter())

    def _all(self) -> list[Rows]:
        return [self.own, *(self._jobs[job] for job in sorted(self._jobs))]


@contextmanager
def staging(landing: Path, load_id: str) -> Iterator[Path]:
    """Give the folder of a load in the making; what dead loads left is removed.

    However the load ends, the folder is gone afterwards: by then the load is under
    `loads`, or it failed. One that was killed is removed by the next load.
    """
    root = landing / STAGING
    folder = root / load_id
    with ExitStack() as stack:
        with storage(root):
            root.mkdir(parents=True, exist_ok=True)
            with locked(root / "lock"):
                _sweep(root)
                folder.mkdir()
                stack.callback(shutil.rmtree, folder, ignore_errors=True)
                stack.enter_context(locked(folder / "lock"))
        yield folder


def _sweep(root: Path) -> None:
    for folder in root.iterdir():
        if folder.is_dir() and not is_held(folder / "lock"):
            shutil.rmtree(folder)

"""The landing: complete loads as Parquet, one folder each, and which is current.

    loads/LOAD_ID/portal=KEY/ENTITY.parquet
    loads/LOAD_ID/load.json
    current -> loads/LOAD_ID

A load appears under `loads` in one rename, when all of it is on disk, and disappears
in one. To move loads or `current`, hold the lock of the staging area.
docs/landing.md describes all of it, also for other writers of loads.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from structlog.typing import FilteringBoundLogger

from common.errors import ConfigError, ContractError, StorageError
from common.files import storage, sync, write_private
from common.locks import locked
from extract.staging import MAX_ROW_BYTES, STAGING

LOADS = "loads"
CURRENT = "current"
LOAD_JSON = "load.json"
LOAD_ID = re.compile(r"[0-9]{8}T[0-9]{12}Z-[0-9a-f]{8}")
MEMORY_LIMIT = "160MB"
# A row group is held in memory until it is full.
ROW_GROUP = 10_240
DELIVERY = "STRUCT(name VARCHAR, email_address VARCHAR, mobile_phone VARCHAR)"
# The columns of each file, in order. docs/landing.md says what they mean; the models'
# sources repeat those that a build reads (tests/extract/test_landing_document.py).
COLUMNS = {
    "activities": "activity_uuid name starting job_uuid job_name position",
    "jobs": "job_uuid name is_gone",
    "images": "job_uuid image_uuid activity_uuid position",
    "subjects": (
        "job_uuid subject_uuid listed_in position external_id first_name last_name "
        "name group_name country parent_name delivery_1 delivery_2 phone_number "
        "phone_number_2 email email_2 sms_marketing_consent sms_marketing_timestamp "
        "sms_transactional_consent sms_transactional_timestamp activity_uuid activity "
        "image_uuids"
    ),
    "registrations": "job_uuid subject_uuid user_uuid email position",
    "users": "user_uuid name email_address phone_number is_gone",
    "access_keys": "job_uuid subject_uuid access_keys",
}
# All other columns are text.
TYPES = {
    "position": "BIGINT",
    "is_gone": "BOOLEAN",
    "delivery_1": DELIVERY,
    "delivery_2": DELIVERY,
    "image_uuids": "VARCHAR[]",
    "access_keys": "VARCHAR[]",
    "fetched_at": "TIMESTAMPTZ",
}
SCHEMA = {
    entity: {
        name: TYPES.get(name, "VARCHAR")
        for name in (*names.split(), "payload", "fetched_at")
    }
    for entity, names in COLUMNS.items()
}
SCHEMA["quarantine"] = dict.fromkeys(("entity", "key", "reason"), "VARCHAR")


def open_duckdb(scratch: Path) -> duckdb.DuckDBPyConnection:
    """Open an engine that turns staged rows into Parquet, in little memory.

    One thread keeps the order of the files, and is faster for many small files. Nothing
    is sorted, so memory does not grow with the load.
    """
    connection = duckdb.connect(
        config={
            "threads": 1,
            "memory_limit": MEMORY_LIMIT,
            "temp_directory": str(scratch),
            "autoinstall_known_extensions": "false",
        }
    )
    connection.execute("set TimeZone = 'UTC'")
    return connection


def write_parquet(
    connection: duckdb.DuckDBPyConnection,
    entity: str,
    files: Sequence[Path],
    target: Path,
    expected: int,
) -> None:
    """Write an entity's staged rows to one Parquet file, all of them; StorageError."""
    query = rows_of(SCHEMA[entity], files)
    options = f"format parquet, compression zstd, row_group_size {ROW_GROUP}"
    try:
        written = connection.execute(
            f"copy ({query}) to {quoted(target)} ({options})"
        ).fetchone()
    except duckdb.Error as error:
        # Only what DuckDB says of files is free of the rows' own text.
        reason = str(error) if isinstance(error, duckdb.IOException) else ""
        first = reason.partition("\n")[0] or type(error).__name__
        raise StorageError(f"{target} could not be written: {first}") from None
    if written != (expected,):
        raise StorageError(f"{target} lacks some of the {expected} staged rows")
    with storage(target):
        sync(target)


def rows_of(columns: dict[str, str], files: Sequence[Path]) -> str:
    """Return the query of staged rows with these columns and types."""
    if not files:
        nulls = ", ".join(f'null::{kind} as "{name}"' for name, kind in columns.items())
        return f"select {nulls} where false"
    kinds = ", ".join(f'"{name}": {quoted(kind)}' for name, kind in columns.items())
    listed = ", ".join(map(quoted, files))
    # COPY takes no parameters; the names and kinds are the schema's own.
    return (
        f"select * from read_json([{listed}], columns = {{{kinds}}}, "  # noqa: S608
        "format = 'newline_delimited', "
        f"maximum_object_size = {MAX_ROW_BYTES + 1})"
    )


def quoted(value: object) -> str:
    """Return a text as an SQL literal."""
    return "'" + str(value).replace("'", "''") + "'"


# Loads


@dataclass(frozen=True)
class Load:
    """A complete load: its folder and the facts of its load.json."""

    folder: Path
    facts: dict[str, Any]

    @property
    def load_id(self) -> str:
        """The load's id; ids sort by the time that the load began."""
        return self.folder.name

    @property
    def is_held_back(self) -> bool:
        """Whether it has far too few subjects and has not been accepted."""
        return is_held_back(self.facts)

    @property
    def is_full(self) -> bool:
        """Whether it has all that was on sale, as far as its facts say."""
        return not (self.facts.get("only_jobs") or self.is_held_back)

    @property
    def finished_at(self) -> str:
        """When it was complete, or else when it began."""
        return str(self.facts.get("finished_at") or self.facts["extracted_at"])

    def portal(self, key: str) -> dict[str, Any]:
        """Return the facts of one portal; empty if the load lacks it."""
        facts: dict[str, Any] = self.facts["portals"].get(key, {})
        return facts

    def files(self, key: str) -> Path:
        """Return the folder of one portal's files."""
        return self.folder / f"portal={key}"


def is_held_back(facts: dict[str, Any]) -> bool:
    """Return whether a load with these facts waits to be accepted."""
    return bool(facts.get("shrunk")) and "accepted_at" not in facts


def begun_at(load_id: str) -> datetime:
    """Return the time that a load began, from its id."""
    at = datetime.strptime(load_id.partition("-")[0], "%Y%m%dT%H%M%S%fZ")
    return at.replace(tzinfo=UTC)


@contextmanager
def lock(landing: Path) -> Iterator[None]:
    """Hold the lock for moving loads and `current`; StorageError."""
    staging = landing / STAGING
    with storage(landing):
        staging.mkdir(exist_ok=True)
        with locked(staging / "lock"):
            yield


def land(landing: Path, staged: Path, facts: dict[str, Any]) -> bool:
    """Complete a staged load; make it current unless it is held back or not the newest.

    `staged` is the folder that becomes `loads/LOAD_ID`; load.json is written last.
    Return whether the load is current now.
    """
    load_id = facts["load_id"]
    loads = landing / LOADS
    with storage(landing):
        _write_facts(staged / LOAD_JSON, facts)
        for folder in [*staged.iterdir(), staged]:
            if folder.is_dir():
                sync(folder)
        # Otherwise a prune could remove the load before it is current.
        with lock(landing):
            loads.mkdir(exist_ok=True)
            staged.rename(loads / load_id)
            sync(loads)
            if is_held_back(facts):
                return False
            return _make_current(landing, load_id, staged.parent / CURRENT)


def _make_current(landing: Path, load_id: str, scratch: Path) -> bool:
    current = landing / CURRENT
    if (current_id(landing) or "") > load_id:
        return False
    scratch.unlink(missing_ok=True)
    scratch.symlink_to(Path(LOADS) / load_id)
    scratch.rename(current)
    sync(landing)
    return True


def _write_facts(path: Path, facts: dict[str, Any]) -> None:
    write_private(path, f"{json.dumps(facts, indent=2)}\n".encode())


def current_id(landing: Path) -> str | None:
    """Return the id of the current load, if there is one."""
    current = landing / CURRENT
    return current.readlink().name if current.is_symlink() else None


def list_loads(landing: Path) -> list[dict[str, Any]]:
    """Return the facts of every complete load, newest first, each with `current`."""
    now = current_id(landing)
    listed = []
    for folder in load_folders(landing):
        try:
            listed.append(read_load(folder).facts | {"current": folder.name == now})
        except StorageError:
            # It can have been pruned since its folder was listed.
            if folder.exists():
                raise
    return listed


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


def load_folders(landing: Path) -> list[Path]:
    """List the folders of the loads, newest first; StorageError."""
    loads = landing / LOADS
    if not loads.is_dir():
        return []
    with storage(loads):
        return sorted(loads.iterdir(), reverse=True)


def read_load(folder: Path) -> Load:
    """Read a load's facts; StorageError if they are missing or malformed."""
    path = folder / LOAD_JSON
    try:
        with storage(path):
            facts = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StorageError(f"{path} is not JSON") from error
    portals = facts.get("portals") if isinstance(facts, dict) else None
    if (
        not isinstance(portals, dict)
        or not all(isinstance(portal, dict) for portal in portals.values())
        or not isinstance(facts.get("extracted_at"), str)
        or facts.get("load_id") != folder.name
    ):
        raise StorageError(f"{path} does not describe the load {folder.name}")
    return Load(folder, facts)


def accept(landing: Path, load_id: str, now: str) -> bool:
    """Make a held-back load current; return False if it already was.

    ConfigError if there is no such load or it was not held back; ContractError if a
    newer load is current.
    """
    if LOAD_ID.fullmatch(load_id) is None or not (landing / LOADS / load_id).is_dir():
        raise ConfigError(f"there is no load {load_id!r} in {landing}")
    with storage(landing), lock(landing):
        load = read_load(landing / LOADS / load_id)
        if not load.facts.get("shrunk"):
            raise ConfigError(
                f"load {load_id} was not held back: there is nothing to accept"
            )
        current = current_id(landing)
        if current is not None and current > load_id:
            raise ContractError(
                f"load {load_id} is older than the current one, {current}: make a new "
                "load with --accept-shrink"
            )
        scratch = landing / STAGING / "accepted"
        if load.is_held_back:
            _write_facts(scratch, load.facts | {"accepted_at": now})
            scratch.rename(load.folder / LOAD_JSON)
            sync(load.folder)
        _make_current(landing, load_id, scratch)
    return current != load_id

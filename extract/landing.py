"""The landing: complete loads as Parquet, one folder a load, and which is current.

    loads/LOAD_ID/portal=KEY/ENTITY.parquet
    loads/LOAD_ID/load.json
    current -> loads/LOAD_ID

A load appears under `loads` in one rename, when all of it is on the disk.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from extract.errors import StorageError
from extract.files import locked, storage, sync
from extract.staging import MAX_ROW_BYTES, STAGING

LOADS = "loads"
CURRENT = "current"
MEMORY_LIMIT = "160MB"
# A row group is held in memory until it is full.
ROW_GROUP = 10_240
DELIVERY = "STRUCT(name VARCHAR, email_address VARCHAR, mobile_phone VARCHAR)"
SCHEMA = {
    "activities": {
        "activity_uuid": "VARCHAR",
        "name": "VARCHAR",
        "starting": "VARCHAR",
        "job_uuid": "VARCHAR",
        "job_name": "VARCHAR",
        "position": "BIGINT",
        "payload": "VARCHAR",
        "fetched_at": "TIMESTAMPTZ",
    },
    "jobs": {
        "job_uuid": "VARCHAR",
        "name": "VARCHAR",
        "is_gone": "BOOLEAN",
        "payload": "VARCHAR",
        "fetched_at": "TIMESTAMPTZ",
    },
    "images": {
        "job_uuid": "VARCHAR",
        "image_uuid": "VARCHAR",
        "activity_uuid": "VARCHAR",
        "position": "BIGINT",
        "payload": "VARCHAR",
        "fetched_at": "TIMESTAMPTZ",
    },
    "subjects": {
        "job_uuid": "VARCHAR",
        "subject_uuid": "VARCHAR",
        "listed_in": "VARCHAR",
        "position": "BIGINT",
        "external_id": "VARCHAR",
        "first_name": "VARCHAR",
        "last_name": "VARCHAR",
        "name": "VARCHAR",
        "group_name": "VARCHAR",
        "country": "VARCHAR",
        "parent_name": "VARCHAR",
        "delivery_1": DELIVERY,
        "delivery_2": DELIVERY,
        "phone_number": "VARCHAR",
        "phone_number_2": "VARCHAR",
        "email": "VARCHAR",
        "email_2": "VARCHAR",
        "sms_marketing_consent": "VARCHAR",
        "sms_marketing_timestamp": "VARCHAR",
        "sms_transactional_consent": "VARCHAR",
        "sms_transactional_timestamp": "VARCHAR",
        "activity_uuid": "VARCHAR",
        "activity": "VARCHAR",
        "image_uuids": "VARCHAR[]",
        "payload": "VARCHAR",
        "fetched_at": "TIMESTAMPTZ",
    },
    "registrations": {
        "job_uuid": "VARCHAR",
        "subject_uuid": "VARCHAR",
        "user_uuid": "VARCHAR",
        "email": "VARCHAR",
        "position": "BIGINT",
        "payload": "VARCHAR",
        "fetched_at": "TIMESTAMPTZ",
    },
    "users": {
        "user_uuid": "VARCHAR",
        "name": "VARCHAR",
        "email_address": "VARCHAR",
        "phone_number": "VARCHAR",
        "is_gone": "BOOLEAN",
        "payload": "VARCHAR",
        "fetched_at": "TIMESTAMPTZ",
    },
    "access_keys": {
        "job_uuid": "VARCHAR",
        "subject_uuid": "VARCHAR",
        "access_keys": "VARCHAR[]",
        "payload": "VARCHAR",
        "fetched_at": "TIMESTAMPTZ",
    },
    "quarantine": {
        "entity": "VARCHAR",
        "key": "VARCHAR",
        "reason": "VARCHAR",
    },
}


def open_duckdb(scratch: Path) -> duckdb.DuckDBPyConnection:
    """Open an engine that turns staged rows into Parquet, in little memory.

    One thread: it keeps the order of the files, and is the faster one for many small
    files. Nothing is sorted, so that memory does not grow with the load.
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
    """Turn an entity's staged rows into one Parquet file, none lost; StorageError."""
    query = _rows_of(SCHEMA[entity], files)
    options = f"format parquet, compression zstd, row_group_size {ROW_GROUP}"
    try:
        written = connection.execute(
            f"copy ({query}) to {_quoted(target)} ({options})"
        ).fetchone()
    except duckdb.Error as error:
        # Only what DuckDB says of files is free of the rows' own text.
        reason = str(error) if isinstance(error, duckdb.IOException) else ""
        first = reason.partition("\n")[0] or type(error).__name__
        raise StorageError(f"{target} could not be written: {first}") from None
    if written != (expected,):
        raise StorageError(f"{target} lacks rows: of {expected} staged, not all came")
    with storage(target):
        sync(target)


def _rows_of(columns: dict[str, str], files: Sequence[Path]) -> str:
    if not files:
        nulls = ", ".join(f'null::{kind} as "{name}"' for name, kind in columns.items())
        return f"select {nulls} where false"
    kinds = ", ".join(f'"{name}": {_quoted(kind)}' for name, kind in columns.items())
    listed = ", ".join(map(_quoted, files))
    # COPY takes no parameters; the names and kinds are the schema's own.
    return (
        f"select * from read_json([{listed}], columns = {{{kinds}}}, "  # noqa: S608
        "format = 'newline_delimited', "
        f"maximum_object_size = {MAX_ROW_BYTES + 1})"
    )


def _quoted(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def publish(landing: Path, staged: Path, facts: dict[str, Any]) -> bool:
    """Make a staged load complete and, unless a newer one is, current.

    `staged` is the folder that becomes `loads/LOAD_ID`; load.json is written last.
    Returns whether the load is current now.
    """
    load_id = facts["load_id"]
    loads = landing / LOADS
    with storage(landing):
        _write_synced(staged / "load.json", json.dumps(facts, indent=2) + "\n")
        for folder in [*staged.iterdir(), staged]:
            if folder.is_dir():
                sync(folder)
        loads.mkdir(exist_ok=True)
        staged.rename(loads / load_id)
        sync(loads)
        with locked(landing / STAGING / "lock"):
            return _make_current(landing, load_id, staged.parent / CURRENT)


def _make_current(landing: Path, load_id: str, scratch: Path) -> bool:
    current = landing / CURRENT
    if current.is_symlink() and current.readlink().name > load_id:
        return False
    scratch.symlink_to(Path(LOADS) / load_id)
    scratch.rename(current)
    sync(landing)
    return True


def _write_synced(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")
    sync(path)


def list_loads(landing: Path) -> list[dict[str, Any]]:
    """Give the facts of every complete load, newest first, each with `current`."""
    loads = landing / LOADS
    if not loads.is_dir():
        return []
    current = landing / CURRENT
    now = current.readlink().name if current.is_symlink() else None
    with storage(loads):
        folders = sorted(loads.iterdir(), reverse=True)
        return [_facts(folder) | {"current": folder.name == now} for folder in folders]


def _facts(folder: Path) -> dict[str, Any]:
    path = folder / "load.json"
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StorageError(f"{path} is not JSON") from error
    return facts

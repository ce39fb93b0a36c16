"""The database file before DuckDB opens it, and the memory that DuckDB takes."""

import fcntl
import os
from pathlib import Path

import duckdb

from common.errors import ConfigError, StorageError
from common.files import PRIVATE_FILE, remove, storage_errors

IN_MEMORY = ":memory:"
MEMORY_LIMIT = "DUCKDB_MEMORY_LIMIT"
# In bytes: a million subjects take 1.5 GB in all. DuckDB fills what it is given.
DEFAULT_LIMIT = 1_300_000_000


def limit_memory(conn: duckdb.DuckDBPyConnection) -> None:
    """Set the memory limit; ConfigError if the variable is wrong.

    DuckDB's own is 80 % of what the machine or the container has, which is the most.
    """
    given = os.environ.get(MEMORY_LIMIT, "")
    if not given:
        query = "select parse_formatted_bytes(current_setting('memory_limit'))"
        [(most,)] = conn.execute(query).fetchall()
        given = f"{min(most, DEFAULT_LIMIT)}B"
    try:
        conn.execute(f"set memory_limit = '{given.replace("'", "''")}'")
    except duckdb.Error as error:
        raise ConfigError(f"{MEMORY_LIMIT} must be a size, such as 4GB") from error


def check_database(name: str) -> None:
    """Raise CommandError if the database cannot be opened for writing.

    Remove what a killed build had no room for in memory: it is personal data.
    """
    if name == IN_MEMORY:
        return
    path = Path(name)
    folder = path.absolute().parent
    if not folder.is_dir():
        raise ConfigError(f"DUCKDB_PATH is {path}, but there is no folder {folder}")
    if not path.exists():
        _try_to_create(path)
    elif _is_open_elsewhere(path):
        raise StorageError(
            f"{path}: another process has this database open, such as another "
            "build: try again when that is done, or set DUCKDB_PATH"
        )
    # DuckDB's folder for the one process that has the database open.
    remove(Path(f"{path}.tmp"))


@storage_errors
def make_private(path: Path) -> None:
    """Keep a file to its owner, if it exists."""
    if path.is_file():
        path.chmod(PRIVATE_FILE)


@storage_errors
def _try_to_create(path: Path) -> None:
    path.touch(PRIVATE_FILE, exist_ok=False)
    path.unlink()


@storage_errors
def _is_open_elsewhere(path: Path) -> bool:
    with path.open("r+b") as file:
        try:
            # As DuckDB locks it. Closing the file lets go.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return True
    return False

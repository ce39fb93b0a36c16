"""Checks of the database file before DuckDB opens it."""

import fcntl
from pathlib import Path

from common.errors import ConfigError, StorageError
from common.files import PRIVATE_FILE, storage_errors

IN_MEMORY = ":memory:"


def check_database(name: str) -> None:
    """Raise CommandError if the database cannot be opened for writing."""
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

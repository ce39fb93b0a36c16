"""Files that only their owner can read, and that are on disk when they say so."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from extract.errors import StorageError

PRIVATE = 0o077


@contextmanager
def storage(what: Path) -> Iterator[None]:
    """Turn a failing disk into StorageError that names the path."""
    try:
        yield
    except OSError as error:
        # Of two names the second is the one to be made.
        place = error.filename2 or error.filename or what
        raise StorageError(f"{place}: {error.strerror or error}") from error


@contextmanager
def private_files() -> Iterator[None]:
    """Make every file and folder readable by the owner alone, DuckDB's too."""
    before = os.umask(PRIVATE)
    try:
        yield
    finally:
        os.umask(before)


def sync(path: Path) -> None:
    """Have a file, or a folder's list of names, written to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file; the system lets go of it when the process dies."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Say whether some living process holds the lock file."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False

"""Files that only their owner can read, and that are on disk when they say so."""

import fcntl
import os
import shutil
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


def remove_tree(folder: Path) -> None:
    """Remove a folder with all that is in it; OSError names the path in full."""
    shutil.rmtree(folder, onexc=_raise_in_full)


def _raise_in_full(_: object, path: str, error: BaseException) -> None:
    if isinstance(error, OSError):
        error.filename = path
    raise error


def hold(folder: Path) -> int | None:
    """Keep a folder from being pruned until the descriptor is closed; StorageError.

    None: it is gone. Any number of processes can hold a folder, and whoever removes it
    is waited for.
    """
    with storage(folder):
        return _lock_folder(folder, fcntl.LOCK_SH)


@contextmanager
def reading(folder: Path) -> Iterator[bool]:
    """Hold a folder until the block ends; give whether it is there."""
    descriptor = hold(folder)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


@contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Give whether nobody holds a folder; nobody does then until the block ends."""
    try:
        descriptor = _lock_folder(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        descriptor = None
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _lock_folder(folder: Path, operation: int) -> int | None:
    """Give a locked descriptor; None where the folder is gone, or was meanwhile."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, operation)
        if folder.exists() and os.path.samestat(os.fstat(descriptor), folder.stat()):
            return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None

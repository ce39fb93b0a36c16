"""Locks that the system frees when their process ends, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.files import storage


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file; wait while another process holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Return whether a process holds the lock file."""
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


def hold(folder: Path) -> int | None:
    """Keep a folder from being pruned until the returned descriptor is closed.

    Return None if it is gone. Any number of processes can hold a folder.
    """
    with storage(folder):
        return lock_folder(folder, fcntl.LOCK_SH)


@contextmanager
def reading(folder: Path) -> Iterator[bool]:
    """Hold a folder until the block ends; yield whether it exists."""
    descriptor = hold(folder)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


@contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Hold a folder exclusively; yield False if another process holds it."""
    try:
        descriptor = lock_folder(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        descriptor = None
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def lock_folder(folder: Path, operation: int) -> int | None:
    """Return a locked descriptor, None if the folder is gone or was replaced.

    Raise BlockingIOError if `operation` does not wait and another process holds it.
    """
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

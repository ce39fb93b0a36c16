"""The right to promote, which one process of a machine has at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.errors import LostRaceError
from common.files import PRIVATE_FILE, make_folder, storage

LOCK = ".lock"


@contextmanager
def promoting(folder: Path, address: str) -> Iterator[None]:
    """Hold the right to promote; the system frees it when the process ends.

    The lock is in the folder. Raise LostRaceError, which names the root's `address`, if
    another process has it.
    """
    lock = _open_lock(folder)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise LostRaceError(
            f"another run is being promoted under {address}: try again when "
            "that is done"
        ) from error
    try:
        yield
    finally:
        os.close(lock)


def _open_lock(folder: Path) -> int:
    with storage(folder):
        make_folder(folder)
        return os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)

"""Files that are being written, under STAGING/RUN_ID on this machine.

A process holds a lock on the staging folder of each run that it writes. The system
frees the lock when the process ends, however it ends. This distinguishes what a killed
run left from what another run is writing.
"""

import fcntl
import os
import threading
from collections.abc import Callable
from pathlib import Path

from common.files import make_folder, remove, storage_errors
from common.locks import lock_folder
from publish.layout import check_run_id, is_run_id

# dbt's threads stage and move files of one run at the same time.
_guard = threading.Lock()
_locks: dict[Path, int] = {}
_pending: dict[Path, set[str]] = {}


def staging_folder(staging: Path, run_id: str) -> Path:
    """Return the staging folder of a run."""
    return staging / check_run_id(run_id)


@storage_errors
def claim(staging: Path, run_id: str, path: str) -> Path:
    """Return where to write a file of a run; its folder exists and stays.

    The caller has checked `path`, the path in the run.
    """
    folder = staging_folder(staging, run_id)
    with _guard:
        _hold(folder)
        make_folder((folder / path).parent)
        _pending.setdefault(folder, set()).add(path)
    return folder / path


def settle(staging: Path, run_id: str, path: str) -> None:
    """Record that a file was moved away; remove the folder after the last one."""
    folder = staging_folder(staging, run_id)
    with _guard:
        pending = _pending.get(folder, set())
        pending.discard(path)
        if not pending:
            _drop(folder)


def drop(staging: Path, run_id: str) -> None:
    """Remove the staging folder of a run."""
    with _guard:
        _drop(staging_folder(staging, run_id))


@storage_errors
def drop_abandoned(staging: Path, abandon: Callable[[str], None]) -> None:
    """Remove what killed runs left.

    Call `abandon` with the id of each such run first: if it fails, the folder stays
    and the next build tries again.
    """
    for folder in _folders(staging):
        lock = _lock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if lock is not None:
            abandon(folder.name)
            remove(folder)
            os.close(lock)


@storage_errors
def is_held(staging: Path, run_id: str) -> bool:
    """Return whether a process is writing files of the run."""
    folder = staging_folder(staging, run_id)
    lock = _lock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)
    if lock is None:
        return folder.exists()
    os.close(lock)
    return False


def _folders(staging: Path) -> list[Path]:
    try:
        return [f for f in staging.iterdir() if is_run_id(f.name)]
    except FileNotFoundError:
        return []


def _hold(folder: Path) -> None:
    """Lock a staging folder, unless this process has it locked already."""
    while folder not in _locks:
        make_folder(folder)
        lock = _lock(folder, fcntl.LOCK_EX)
        if lock is not None:
            _locks[folder] = lock


def _lock(folder: Path, operation: int) -> int | None:
    """Return a locked descriptor, None if the folder is locked or was removed."""
    try:
        return lock_folder(folder, operation)
    except BlockingIOError:
        return None


def _drop(folder: Path) -> None:
    remove(folder)
    _pending.pop(folder, None)
    lock = _locks.pop(folder, None)
    if lock is not None:
        os.close(lock)

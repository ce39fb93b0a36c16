"""The staging area: resuming interrupted loads.

Each load has a folder there and holds its lock while it runs. If it ends without being
landed, the folder stays if any job in it is complete. The next load of the same portals
and jobs resumes it under its own id; other loads leave it alone until it is too old.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common.files import storage
from common.locks import is_held, locked
from extract.client import utc_text
from extract.landing import lock
from extract.staging import JOBS, STAGING, WHOLE, Window, read_object

LOCK = "lock"
ROWS = "rows"
WANTED = "wanted.json"
USERS = "users.ndjson"
KNOWN = "known"
LOAD = "load"
SCRATCH = "scratch"
PASSING = (KNOWN, LOAD, SCRATCH)


@dataclass(frozen=True)
class Interrupted:
    """Which interrupted loads can be resumed.

    `wanted` describes this load, and `reading` the window in which jobs must have been
    read. `is_fresh`: resume nothing.
    """

    wanted: dict[str, Any]
    reading: Window
    is_fresh: bool = False


def wanted_of(sources: dict[str, str], jobs: frozenset[str]) -> dict[str, Any]:
    """Describe a load: the code, its portals with their sources, and its jobs."""
    return {"code": code_digest(), "sources": sources, "jobs": sorted(jobs)}


def code_digest() -> str:
    """Return the sha256 of this package's code, and of the sandbox's words."""
    digest = hashlib.sha256()
    files = Path(__file__).parent.rglob("*")
    for path in sorted(one for one in files if one.suffix in (".py", ".json")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@contextmanager
def staging(landing: Path, load_id: str, interrupted: Interrupted) -> Iterator[Path]:
    """Make the folder of a load in progress, with what can be resumed.

    The folder is removed when the load succeeds. When the load fails or is killed, the
    folder stays if a job in it is complete.
    """
    root = landing / STAGING
    folder = root / load_id
    with ExitStack() as stack:
        with storage(root):
            root.mkdir(parents=True, exist_ok=True)
            with lock(landing):
                _sweep(root, folder, interrupted)
                folder.mkdir(exist_ok=True)
                stack.enter_context(locked(folder / LOCK))
        try:
            _note_wanted(folder / WANTED, interrupted.wanted)
            yield folder
        except BaseException:
            _leave(folder)
            raise
        _remove(folder)


def _sweep(root: Path, folder: Path, interrupted: Interrupted) -> None:
    """Resume the newest load that fits; remove folders that no load can resume."""
    for dead in dead_folders(root):
        wanted = read_object(dead / WANTED)
        is_same = wanted == interrupted.wanted
        is_done_with = is_same and (interrupted.is_fresh or folder.exists())
        if is_done_with or not _is_of_use(dead, wanted, interrupted):
            shutil.rmtree(dead)
        elif is_same:
            _take_up(dead, folder)


def dead_folders(root: Path) -> list[Path]:
    """Return the folders in the staging area whose loads have ended, newest first."""
    folders = (path for path in root.iterdir() if path.is_dir())
    return sorted((f for f in folders if not is_held(f / LOCK)), reverse=True)


def _is_of_use(dead: Path, wanted: dict[str, Any], interrupted: Interrupted) -> bool:
    if wanted.get("code") != interrupted.wanted["code"]:
        return False
    last = last_read_at(dead)
    return last is not None and last in interrupted.reading


def last_read_at(dead: Path) -> str | None:
    """Return the time when a load last completed a job; None if it never did."""
    times = [path.stat().st_mtime for path in dead.glob(f"{ROWS}/*/{JOBS}/*/{WHOLE}")]
    return utc_text(datetime.fromtimestamp(max(times), UTC)) if times else None


def _take_up(dead: Path, folder: Path) -> None:
    """Make an interrupted load's folder the folder of this load.

    Its users are set aside: the jobs decide which are needed.
    """
    dead.rename(folder)
    for users in folder.glob(f"{ROWS}/*/{USERS}"):
        users.rename(users.with_stem(f"users-{dead.name}"))
    _clear(folder)


def _note_wanted(path: Path, wanted: dict[str, Any]) -> None:
    with storage(path):
        if not path.exists():
            path.write_text(json.dumps(wanted), encoding="utf-8")


def _leave(folder: Path) -> None:
    _clear(folder)
    if last_read_at(folder) is None:
        _remove(folder)


def _clear(folder: Path) -> None:
    for name in PASSING:
        shutil.rmtree(folder / name, ignore_errors=True)


def _remove(folder: Path) -> None:
    # Without it, the rest is not resumed if the removal stops half-way.
    with suppress(OSError):
        (folder / WANTED).unlink()
    shutil.rmtree(folder, ignore_errors=True)

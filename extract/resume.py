"""The staging area: what an interrupted load had read, and who may go on with it.

Each load has a folder there and holds its lock while it lives. When it ends without
being landed, the folder stays if it has any job that was read whole. The next load that
is asked for the same takes the folder up under its own id; one that is asked for
something else leaves it alone until it is too old to be of use to anybody.
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
from extract.staging import JOBS, STAGING, WHOLE, Window

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
    """Which interrupted loads may be gone on with.

    `wanted` is what the load at hand is asked for, `reading` the time within which jobs
    must have been read. `is_fresh`: nothing is gone on with.
    """

    wanted: dict[str, Any]
    reading: Window
    is_fresh: bool = False


def wanted_of(sources: dict[str, str], jobs: frozenset[str]) -> dict[str, Any]:
    """Give what a load is asked for: who asks, which portals, where, which jobs."""
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
    """Give the folder of a load in the making, with what can be gone on with.

    When the load ends well the folder goes. When it fails the folder stays, if a job
    in it is whole: so it does when the load is killed.
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
    """Take up the newest load that can be gone on with; remove what nobody can use."""
    for dead in dead_folders(root):
        wanted = _read_wanted(dead / WANTED)
        is_same = wanted == interrupted.wanted
        is_done_with = is_same and (interrupted.is_fresh or folder.exists())
        if is_done_with or not _is_of_use(dead, wanted, interrupted):
            shutil.rmtree(dead)
        elif is_same:
            _take_up(dead, folder)


def dead_folders(root: Path) -> list[Path]:
    """List the folders in the staging area whose loads are over, newest first."""
    folders = (path for path in root.iterdir() if path.is_dir())
    return sorted((f for f in folders if not is_held(f / LOCK)), reverse=True)


def _is_of_use(dead: Path, wanted: dict[str, Any], interrupted: Interrupted) -> bool:
    if wanted.get("code") != interrupted.wanted["code"]:
        return False
    last = last_read_at(dead)
    return last is not None and last in interrupted.reading


def last_read_at(dead: Path) -> str | None:
    """Give the time when a load had last read a job whole, None: it never had."""
    times = [path.stat().st_mtime for path in dead.glob(f"{ROWS}/*/{JOBS}/*/{WHOLE}")]
    return utc_text(datetime.fromtimestamp(max(times), UTC)) if times else None


def _take_up(dead: Path, folder: Path) -> None:
    """Make an interrupted load's folder the one of the load at hand.

    Its users are kept aside: which of them are needed, the jobs will tell.
    """
    dead.rename(folder)
    for users in folder.glob(f"{ROWS}/*/{USERS}"):
        users.rename(users.with_stem(f"users-{dead.name}"))
    _clear(folder)


def _read_wanted(path: Path) -> dict[str, Any]:
    try:
        wanted: dict[str, Any] = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return wanted


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
    # Without it nobody takes up the rest, should the removal be stopped half-way.
    with suppress(OSError):
        (folder / WANTED).unlink()
    shutil.rmtree(folder, ignore_errors=True)

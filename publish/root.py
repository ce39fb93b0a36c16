"""The export root: every access to it goes through these functions.

A key is a path under the root with `/` between its parts. Whatever the operating
system refuses comes out as a StorageError that names the file. Files are 0600,
folders 0700, and what is written is on the disk before it can be seen by its name.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import BinaryIO

from publish.errors import (
    ConfigurationError,
    ContractError,
    LostRaceError,
    StorageError,
)
from publish.layout import COPIES, LATEST, RUNS, is_run_id

DEFAULT_ROOT = "exports"
LOCK = ".lock"
PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
CHUNK_BYTES = 1 << 20


def storage_errors[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Turn what the operating system refuses into one line.

    Where it names no file (a full disk), the first path among the arguments is named.
    """

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except OSError as error:
            paths = (argument for argument in args if isinstance(argument, Path))
            where = error.filename or next(paths, "")
            reason = error.strerror or type(error).__name__
            raise StorageError(f"{where}: {reason}") from error

    return guarded


def export_root() -> Path:
    """Return the folder that EXPORT_ROOT names; it need not exist yet."""
    name = os.environ.get("EXPORT_ROOT", "").strip() or DEFAULT_ROOT
    if "://" in name:
        scheme = name.split("://", 1)[0]
        raise ConfigurationError(
            f"EXPORT_ROOT begins with {scheme}://, and only a local folder can be "
            "published to"
        )
    return Path(name).absolute()


@storage_errors
def read(root: Path, key: str) -> bytes | None:
    """Return what a file holds, or None where there is none."""
    try:
        return (root / key).read_bytes()
    except FileNotFoundError:
        return None


@storage_errors
def fingerprint(path: Path) -> tuple[str, int]:
    """Return the sha256 (hex) and the size in bytes of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return digest, os.fstat(file.fileno()).st_size


@storage_errors
def list_files(root: Path, key: str) -> dict[str, int]:
    """Return the path below `key` and the size of every file there, at any depth.

    Links and whatever else is no folder count as files. No folder: no files.
    """
    folder = root / key
    if not folder.exists():
        return {}
    return dict(sorted(_walk(folder, "")))


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(folder / entry.name, f"{prefix}{entry.name}/")
            else:
                size = entry.stat(follow_symlinks=False).st_size
                yield f"{prefix}{entry.name}", size


@storage_errors
def run_ids(root: Path) -> list[str]:
    """Return the ids of all runs, newest first."""
    try:
        names = os.listdir(root / RUNS)  # noqa: PTH208 - names, a hundred at a time
    except FileNotFoundError:
        return []
    return sorted(filter(is_run_id, names), reverse=True)


@storage_errors
def make_folder(path: Path) -> None:
    """Make a folder, and those above it, for the owner alone."""
    if path.is_dir():
        return
    make_folder(path.parent)
    try:
        path.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    except FileExistsError as error:
        raise StorageError(f"{path}: is a file where a folder must be") from error
    _sync_folder(path.parent)


@storage_errors
def add(root: Path, key: str, staged: Path) -> None:
    """Move a staged file to its place, whole and durable, if nothing is there yet."""
    target = root / key
    staged.chmod(PRIVATE_FILE)
    _sync(staged, os.O_RDONLY)
    make_folder(target.parent)
    try:
        # A rename would silently replace what is there.
        os.link(staged, target)
    except FileExistsError as error:
        message = f"{target}: is there already, and a run's files are written once"
        raise StorageError(message) from error
    staged.unlink()
    _sync_folder(target.parent)


@storage_errors
def replace(root: Path, key: str, content: bytes) -> None:
    """Put `content` in the place of a file, at once. For the holder of the lock."""
    target = root / key
    fresh = target.with_name(f".{target.name}.new")
    write_private(fresh, content)
    fresh.rename(target)
    _sync_folder(target.parent)


@storage_errors
def write_private(path: Path, content: bytes) -> None:
    """Write a file for the owner alone, through to the disk."""
    with _create(path) as file:
        file.write(content)
        _flush(file)


@storage_errors
def remove(path: Path) -> None:
    """Remove a file, a link or a whole folder; none is fine too."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the right to promote; the system frees it when the process ends.

    Raises LostRaceError at once where another process holds it.
    """
    lock = _open_lock(root)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise LostRaceError(
            f"another run is being promoted under {root}: nothing was moved; try again "
            "when that is done"
        ) from error
    try:
        yield
    finally:
        os.close(lock)


@storage_errors
def _open_lock(root: Path) -> int:
    make_folder(root)
    return os.open(root / LOCK, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)


@storage_errors
def copies_run(root: Path) -> str | None:
    """Return the run whose copies `latest` shows, None where it shows no run's."""
    latest = root / LATEST
    if latest.is_symlink():
        target = latest.readlink()
        return target.name if str(target) == copies_key(target.name) else None
    if latest.exists():
        raise StorageError(
            f"{latest}: is not the link that promoting makes: move it out of the way"
        )
    return None


def copies_key(run_id: str) -> str:
    """Return where the copies of a run's audience files are under the root."""
    return f"{COPIES}/{run_id}"


@storage_errors
def fill_copies(root: Path, run_id: str, digests: dict[str, str]) -> None:
    """Bring `.latest/RUN_ID` in line with `digests`, the sha256 of each path.

    Each file changes at once, and only if it differs. Raises ContractError where a
    file of the run itself is not what `digests` says. For the holder of the lock.
    """
    folder = root / copies_key(run_id)
    present = list_files(root, copies_key(run_id))
    for path in present.keys() - digests.keys():
        remove(folder / path)
    for path, digest in digests.items():
        if path not in present or fingerprint(folder / path)[0] != digest:
            _copy(root, f"{RUNS}/{run_id}/{path}", folder / path, digest)
    make_folder(folder)


def _copy(root: Path, key: str, target: Path, digest: str) -> None:
    source_path = root / key
    if not source_path.is_file():
        raise ContractError(f"{key}: missing")
    make_folder(target.parent)
    fresh = root / COPIES / ".copy.new"
    with source_path.open("rb") as source, _create(fresh) as copy:
        shutil.copyfileobj(source, copy, CHUNK_BYTES)
        _flush(copy)
    if fingerprint(fresh)[0] != digest:
        raise ContractError(f"{key}: damaged, its sha256 is not the manifest's")
    fresh.rename(target)
    _sync_folder(target.parent)


@storage_errors
def show_copies(root: Path, run_id: str) -> None:
    """Point `latest` at a run's copies, all at once. For the holder of the lock.

    The copies shown before stay until the next change: a reader that has just
    followed the link can finish. Older ones go.
    """
    before = copies_run(root)
    if before == run_id:
        return
    fresh = root / COPIES / ".link.new"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(copies_key(run_id))
    fresh.rename(root / LATEST)
    _sync_folder(root)
    for name in os.listdir(root / COPIES):  # noqa: PTH208 - names
        if name not in (run_id, before):
            remove(root / COPIES / name)


def _create(path: Path) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    return os.fdopen(os.open(path, flags, PRIVATE_FILE), "wb")


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

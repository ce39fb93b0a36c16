"""Private files that are on disk before they appear under their names.

Files are 0600, folders 0700. An OSError becomes a StorageError that names the file.
"""

import hashlib
import io
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import BinaryIO

from common.errors import StorageError

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
PRIVATE_UMASK = 0o077
CHUNK_BYTES = 1 << 20


@contextmanager
def storage(where: Path | str) -> Iterator[None]:
    """Turn an OSError into a StorageError.

    It names `where` if the system names no file, as for a full disk.
    """
    try:
        yield
    except OSError as error:
        # Of two names, the second is the new one.
        place = error.filename2 or error.filename or where
        reason = error.strerror or str(error) or type(error).__name__
        raise StorageError(f"{place}: {reason}") from error


def storage_errors[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Apply `storage` to a function, with the first path among its arguments."""

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        paths = (argument for argument in args if isinstance(argument, Path))
        with storage(next(paths, "")):
            return function(*args, **kwargs)

    return guarded


@storage_errors
def fingerprint(path: Path) -> tuple[str, int]:
    """Return the sha256 (hex) and the size in bytes of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return digest, os.fstat(file.fileno()).st_size


class Digested(io.BufferedIOBase):
    """A stream that computes the sha256 and the size of all that is read from it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()
        self.bytes = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Read a piece, which is empty at the end."""
        piece = self._stream.read(-1 if size is None else size)
        self._digest.update(piece)
        self.bytes += len(piece)
        return piece

    read1 = read

    def drain(self) -> str:
        """Read to the end; return the sha256 (hex) of the whole."""
        while self.read(CHUNK_BYTES):
            pass
        return self._digest.hexdigest()


@storage_errors
def make_folder(path: Path) -> None:
    """Create a folder and its parents for the owner alone."""
    if path.is_dir():
        return
    make_folder(path.parent)
    try:
        path.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    except FileExistsError as error:
        raise StorageError(f"{path}: is a file where a folder must be") from error
    sync(path.parent)


@storage_errors
def write_private(path: Path, content: bytes) -> None:
    """Write a file for the owner alone and flush it to disk."""
    with create(path) as file:
        file.write(content)
        flush(file)


@storage_errors
def remove(path: Path) -> None:
    """Remove a file, a link or a whole folder if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, onexc=_raise_in_full)
    else:
        path.unlink(missing_ok=True)


def _raise_in_full(_: object, path: str, error: BaseException) -> None:
    if isinstance(error, OSError):
        error.filename = path
    raise error


def create(path: Path) -> BinaryIO:
    """Create or truncate a file for its owner alone."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    return os.fdopen(os.open(path, flags, PRIVATE_FILE), "wb")


def flush(file: BinaryIO) -> None:
    """Flush what was written to a file to disk."""
    file.flush()
    os.fsync(file.fileno())


def sync(path: Path) -> None:
    """Flush a file, or the names in a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def private_files() -> Iterator[None]:
    """Make new files and folders private to the owner, DuckDB's too."""
    before = os.umask(PRIVATE_UMASK)
    try:
        yield
    finally:
        os.umask(before)

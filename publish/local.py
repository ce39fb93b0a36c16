"""A local folder as the export root.

A file is on disk before its name appears. `latest` is a link to `.latest/RUN_ID`, a
folder of copies, so all of it changes at once.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from hashlib import sha256 as hash_sha256
from pathlib import Path
from typing import BinaryIO

from common.errors import (
    ContractError,
    StorageError,
    lost_race,
    lost_removal,
    written_once,
)
from common.files import (
    CHUNK_BYTES,
    PRIVATE_FILE,
    create,
    fingerprint,
    flush,
    make_folder,
    remove,
    storage,
    sync,
    write_private,
)
from publish.layout import (
    COPIES,
    CURRENT,
    LATEST,
    MANIFEST,
    REMOVED,
    RUNS,
    STAGING,
    is_run_id,
    run_key,
)
from publish.locking import promoting
from publish.root import Stored


@dataclass(frozen=True)
class LocalRoot:
    """The root in a folder; publish.root.Root documents the methods."""

    folder: Path

    @property
    def staging(self) -> Path:
        """On the same file system, so that moving a file is a rename."""
        return self.folder / STAGING

    def address(self, key: str = "") -> str:
        """Return the path."""
        return str(self.folder / key)

    def prepare(self) -> None:
        """Create the folder."""
        make_folder(self.folder)

    def abandon(self, run_id: str) -> None:
        """Do nothing: a file only appears when it is complete."""

    def read(self, key: str) -> bytes | None:
        """Return the content of a file, None if there is none."""
        with storage(self.folder):
            try:
                return (self.folder / key).read_bytes()
            except FileNotFoundError:
                return None

    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        """Read a file as a stream."""
        path = self.folder / key
        with storage(path), path.open("rb") as file:
            yield file

    def list_files(self, key: str) -> dict[str, int]:
        """List files at any depth; all but folders count, links too."""
        folder = self.folder / key
        with storage(folder):
            return dict(sorted(_walk(folder, ""))) if folder.exists() else {}

    def run_ids(self) -> list[str]:
        """Return the ids of all runs, newest first."""
        with storage(self.folder):
            try:
                names = os.listdir(self.folder / RUNS)  # noqa: PTH208 - names alone
            except FileNotFoundError:
                return []
        return sorted(filter(is_run_id, names), reverse=True)

    def add(self, key: str, staged: Path, run_id: str, sha256: str) -> None:
        """Move a staged file to its key, unless the key exists."""
        del run_id, sha256  # Only a bucket stores them.
        target = self.folder / key
        with storage(self.folder):
            staged.chmod(PRIVATE_FILE)
            sync(staged)
            make_folder(target.parent)
            try:
                # A rename would silently replace what is there.
                os.link(staged, target)
            except FileExistsError as error:
                raise written_once(str(target)) from error
            staged.unlink()
            sync(target.parent)

    def remove_run(self, run_id: str, over: str) -> None:
        """Remove a run; its manifest is renamed first and goes last."""
        if self.current().version != over:
            raise lost_removal(run_id)
        run = self.folder / run_key(run_id)
        removed = run / REMOVED
        with storage(run):
            if run.is_dir() and not run.is_symlink():
                with contextlib.suppress(FileNotFoundError):
                    (run / MANIFEST).rename(removed)
                    sync(run)
                for path in run.iterdir():
                    if path != removed:
                        remove(path)
                remove(removed)
            remove(run)

    def current(self) -> Stored:
        """Return current.json, with its sha256 as its version."""
        content = self.read(CURRENT)
        version = "" if content is None else hash_sha256(content).hexdigest()
        return Stored(content, version)

    def promoting(self) -> AbstractContextManager[None]:
        """Hold the right to promote."""
        return promoting(self.folder, str(self.folder))

    def move_current(self, content: bytes, run_id: str, over: str) -> None:
        """Replace current.json atomically. The caller holds the lock."""
        if self.current().version != over:
            raise lost_race(run_id)
        target = self.folder / CURRENT
        fresh = target.with_name(f".{target.name}.new")
        with storage(self.folder):
            write_private(fresh, content)
            fresh.rename(target)
            sync(target.parent)

    def stage_latest(self, run_id: str, digests: Mapping[str, str]) -> None:
        """Make `.latest/RUN_ID` match `digests`. The caller holds the lock.

        Each file is replaced atomically, and only if it differs. Raise ContractError
        if a file of the run itself does not match `digests`.
        """
        self._shown_run()
        key = _copies_key(run_id)
        folder = self.folder / key
        present = self.list_files(key)
        with storage(self.folder):
            for path in present.keys() - digests.keys():
                remove(folder / path)
            for path, digest in digests.items():
                if path not in present or fingerprint(folder / path)[0] != digest:
                    self._copy(run_key(run_id, path), folder / path, digest)
            make_folder(folder)

    def _copy(self, key: str, target: Path, digest: str) -> None:
        source_path = self.folder / key
        if not source_path.is_file():
            raise ContractError(f"{key}: missing")
        make_folder(target.parent)
        fresh = self.folder / COPIES / ".copy.new"
        with source_path.open("rb") as source, create(fresh) as copy:
            shutil.copyfileobj(source, copy, CHUNK_BYTES)
            flush(copy)
        if fingerprint(fresh)[0] != digest:
            raise ContractError(f"{key}: damaged, its sha256 is not the manifest's")
        fresh.rename(target)
        sync(target.parent)

    def show_latest(self, run_id: str, digests: Mapping[str, str]) -> None:
        """Point `latest` at the staged copies. The caller holds the lock.

        The previous copies stay until the next change, so a reader that has just
        followed the link can finish. Older copies go.
        """
        del digests  # stage_latest used them.
        before = self._shown_run()
        if before == run_id:
            return
        copies = self.folder / COPIES
        fresh = copies / ".link.new"
        with storage(self.folder):
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(_copies_key(run_id))
            fresh.rename(self.folder / LATEST)
            sync(self.folder)
            for path in copies.iterdir():
                if path.name not in (run_id, before):
                    remove(path)

    def shows(self, run_id: str) -> bool:
        """Return whether `latest` points to this run's copies."""
        return self._shown_run() == run_id

    def _shown_run(self) -> str | None:
        """Return the run whose copies `latest` shows, None if it shows none."""
        latest = self.folder / LATEST
        with storage(latest):
            if latest.is_symlink():
                target = latest.readlink()
                return target.name if str(target) == _copies_key(target.name) else None
            if latest.exists():
                raise StorageError(
                    f"{latest}: is not the link that promoting makes: move it out of "
                    "the way"
                )
        return None


def _copies_key(run_id: str) -> str:
    return f"{COPIES}/{run_id}"


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(folder / entry.name, f"{prefix}{entry.name}/")
            else:
                size = entry.stat(follow_symlinks=False).st_size
                yield f"{prefix}{entry.name}", size

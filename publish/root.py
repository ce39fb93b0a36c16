"""The export root: what publishing needs from a storage.

A key is a path under the root with `/` between its parts. `publish.local` implements
the root in a folder, `publish.s3` in a bucket. All methods raise StorageError if the
storage fails.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

# Files that are read at the same time; a bucket's client has as many connections.
MOST_READERS = 32


@dataclass(frozen=True)
class Stored:
    """The content of a key (None: no file) and its version.

    Two contents never have the same version; that of no file is empty.
    """

    content: bytes | None
    version: str


class Root(Protocol):
    """Where runs are kept and published. Roots at the same address are equal."""

    @property
    def staging(self) -> Path:
        """A private folder on this machine, for files that are being written."""
        ...

    def address(self, key: str = "") -> str:
        """Return the path or URL of a key, for messages."""
        ...

    def prepare(self) -> None:
        """Prepare the root for a build, and remove what no build needs."""
        ...

    def abandon(self, run_id: str) -> None:
        """Remove what a run left half written when its process ended."""
        ...

    def read(self, key: str) -> bytes | None:
        """Return the content of a small file, None if there is none."""
        ...

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        """Read a file as a stream."""
        ...

    def list_files(self, key: str) -> dict[str, int]:
        """Return the size of every file by its path below `key`, sorted."""
        ...

    def run_ids(self) -> list[str]:
        """Return the ids of all runs, newest first."""
        ...

    def add(self, key: str, staged: Path, run_id: str, sha256: str) -> None:
        """Move a file of a run from `staging` to its place, whole and durable.

        `sha256` is the file's. Raise StorageError if the key already exists.
        """
        ...

    def remove_run(self, run_id: str, over: str) -> None:
        """Remove a run with all its files and nothing else; links are not followed.

        Its manifest becomes REMOVED before any other file goes, and goes last: a
        half-removed run is recognized and cannot be promoted. Do nothing if there is
        no such run. Raise LostRaceError, with the run intact, if the version of
        current.json is not `over`.
        """
        ...

    def current(self) -> Stored:
        """Return current.json."""
        ...

    def promoting(self) -> AbstractContextManager[None]:
        """Hold this machine's right to promote; raise LostRaceError if it is taken."""
        ...

    def move_current(self, content: bytes, run_id: str, over: str) -> None:
        """Write current.json for a run if its version is still `over`.

        Raise LostRaceError if it is not; then nothing has changed.
        """
        ...

    def stage_latest(self, run_id: str, digests: Mapping[str, str]) -> None:
        """Do the part of `show_latest` that can precede the move of current.json."""
        ...

    def show_latest(self, run_id: str, digests: Mapping[str, str]) -> None:
        """Make latest/ hold copies of a run's files `digests`, and nothing else.

        `digests` has the sha256 of each path in the run. Raise ContractError if a
        file has another.
        """
        ...

    def shows(self, run_id: str) -> bool:
        """Return whether latest/ has no files of another run; some can be missing."""
        ...

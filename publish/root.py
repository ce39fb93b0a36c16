"""The export root: what publishing asks of any kind of storage.

A key is a path under the root with `/` between its parts. `publish.local` keeps the
promises of the layout in a folder, `publish.s3` in a bucket. All raise StorageError,
one line, where the storage refuses.
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
    """What a key holds (None: nothing), and which version of it that is.

    A version is text that is never the same for two contents; empty for nothing.
    """

    content: bytes | None
    version: str


class Root(Protocol):
    """Where runs are kept and published. Roots of the same place are equal."""

    @property
    def staging(self) -> Path:
        """A private folder on this machine, for the files of runs in the making."""
        ...

    def address(self, key: str = "") -> str:
        """Return the path or URL of a key, for people."""
        ...

    def prepare(self) -> None:
        """Make the root ready for a build, and clear what no build can need."""
        ...

    def abandon(self, run_id: str) -> None:
        """Clear what a run whose process has ended has half written."""
        ...

    def read(self, key: str) -> bytes | None:
        """Return what a small file holds, or None where there is none."""
        ...

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        """Read a file as a stream."""
        ...

    def list_files(self, key: str) -> dict[str, int]:
        """Return the path below `key` and the size of every file there, sorted."""
        ...

    def run_ids(self) -> list[str]:
        """Return the ids of all runs, newest first."""
        ...

    def add(self, key: str, staged: Path, run_id: str, sha256: str) -> None:
        """Move a file of a run from `staging` to its place, whole and durable.

        `sha256` is the file's. StorageError where something is there already.
        """
        ...

    def remove_run(self, run_id: str, over: str) -> None:
        """Remove a run with all its files and nothing else; links are not followed.

        Its manifest becomes REMOVED before any other file goes, and goes last: what is
        left where this is stopped can be told from a run in the making, and is not
        promoted. No such run: nothing happens. LostRaceError where the version of
        current.json is not `over`, and then the run is whole.
        """
        ...

    def current(self) -> Stored:
        """Return current.json."""
        ...

    def promoting(self) -> AbstractContextManager[None]:
        """Keep others on this machine from promoting; LostRaceError if one is."""
        ...

    def move_current(self, content: bytes, run_id: str, over: str) -> None:
        """Write current.json for a run if its version is still `over`.

        LostRaceError where it is not, and then nothing has changed.
        """
        ...

    def stage_latest(self, run_id: str, digests: Mapping[str, str]) -> None:
        """Do what can be done for `show_latest` before current.json moves."""
        ...

    def show_latest(self, run_id: str, digests: Mapping[str, str]) -> None:
        """Have latest/ hold copies of a run's files `digests`, and nothing else.

        `digests` gives the sha256 of each path in the run. ContractError where a file
        is not that.
        """
        ...

    def shows(self, run_id: str) -> bool:
        """Say whether latest/ holds nothing of another run (its files may lack)."""
        ...

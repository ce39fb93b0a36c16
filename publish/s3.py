"""A prefix of an S3 bucket as the export root.

S3 has no lock between machines and no atomic change of several files: current.json
moves by one conditional write, and latest/ follows file by file.
"""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256 as hash_sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.utils import parse_timestamp

from common.errors import (
    ConfigError,
    ContractError,
    StorageError,
    lost_race,
    lost_removal,
    written_once,
)
from common.files import remove
from publish.layout import (
    CURRENT,
    LATEST,
    REMOVED,
    RUNS,
    S3,
    STAGING,
    began_at,
    is_run_id,
    manifest_key,
    run_key,
)
from publish.locking import promoting
from publish.root import MOST_READERS, Stored
from publish.s3_bucket import Bucket, Note
from publish.s3_errors import s3_errors
from publish.s3_writing import add, put
from publish.staging import is_held

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

ATTEMPTS = 5
CONNECT_SECONDS = 5
READ_SECONDS = 60
# No run takes this long from its start to its last file, so a nightly build on a fresh
# machine knows that last night's run is over.
LONGEST_RUN = timedelta(hours=6)
STATE = "sms-campaigns"


@dataclass(frozen=True)
class S3Root:
    """The root in a bucket; publish.root.Root documents the methods."""

    bucket: Bucket

    @property
    def _state(self) -> Path:
        """The folder of this machine and user for this root."""
        name = hash_sha256(self.address().encode()).hexdigest()[:16]
        return _state_home() / STATE / f"{self.bucket.name}-{name}"

    @property
    def staging(self) -> Path:
        """In the user's state folder; files are uploaded from there."""
        return self._state / STAGING

    def address(self, key: str = "") -> str:
        """Return the URL."""
        return self.bucket.address(key)

    def prepare(self) -> None:
        """Abort unfinished uploads of runs that have ended."""
        self.bucket.abort_uploads(f"{RUNS}/", self._may_be_in_the_making)

    def _may_be_in_the_making(self, key: str) -> bool:
        run_id = key.split("/")[1]
        if not is_run_id(run_id):
            return False
        age = datetime.now(UTC) - began_at(run_id)
        return age < LONGEST_RUN or is_held(self.staging, run_id)

    def abandon(self, run_id: str) -> None:
        """Abort the run's unfinished uploads."""
        self.bucket.abort_uploads(f"{run_key(run_id)}/")

    def read(self, key: str) -> bytes | None:
        """Return the content of a file, None if there is none."""
        found = self.bucket.read(key)
        return None if found is None else found[0]

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        """Read a file as a stream."""
        return self.bucket.open(key)

    def list_files(self, key: str) -> dict[str, int]:
        """List files at any depth, without markers of folders."""
        sizes = self.bucket.sizes(f"{key}/")
        return {path: size for path, size in sorted(sizes.items()) if path}

    def run_ids(self) -> list[str]:
        """Return the ids of all runs, newest first."""
        names = self.bucket.folders(f"{RUNS}/")
        return sorted(filter(is_run_id, names), reverse=True)

    def add(self, key: str, staged: Path, run_id: str, sha256: str) -> None:
        """Upload a staged file, unless the key exists."""
        if not add(self.bucket, key, staged, Note(run_id, sha256)):
            raise written_once(self.address(key))
        remove(staged)

    def remove_run(self, run_id: str, over: str) -> None:
        """Remove a run; its manifest is copied to REMOVED first.

        If another machine promotes the run meanwhile, at least one of the two notices:
        this reads current.json after writing REMOVED, and promoting looks for REMOVED
        before and after it moves current.json.
        """
        manifest, removed = manifest_key(run_id), run_key(run_id, REMOVED)
        is_whole = self.bucket.note(manifest) is not None
        if is_whole:
            self.bucket.copy(manifest, removed)
        if self.current().version != over:
            if is_whole:
                self.bucket.delete(removed)
            raise lost_removal(run_id)
        self.bucket.delete(manifest)
        for path in self.list_files(run_key(run_id)):
            if path != REMOVED:
                self.bucket.delete(run_key(run_id, path))
        self.bucket.delete(removed)

    def current(self) -> Stored:
        """Return current.json, with its ETag as its version."""
        return Stored(*(self.bucket.read(CURRENT) or (None, "")))

    def promoting(self) -> AbstractContextManager[None]:
        """Hold this machine's right to promote; `move_current` stops other machines."""
        return promoting(self._state, self.address())

    def move_current(self, content: bytes, run_id: str, over: str) -> None:
        """Write current.json on the condition that it has not changed."""
        if not put(self.bucket, CURRENT, content, run_id, over):
            raise lost_race(run_id)

    def stage_latest(self, run_id: str, digests: Mapping[str, str]) -> None:
        """Check that all files to copy exist; nothing can be copied unseen."""
        if self._is_being_removed(run_id):
            raise ContractError(f"run {run_id}: is being removed")
        for path, digest in digests.items():
            key = run_key(run_id, path)
            note = self.bucket.note(key)
            if note is None:
                raise ContractError(f"{key}: missing")
            if note != Note(run_id, digest):
                raise ContractError(
                    f"{key}: damaged, it is not the file that the run wrote"
                )

    def show_latest(self, run_id: str, digests: Mapping[str, str]) -> None:
        """Delete files that the run does not have, then copy those that differ."""
        if self._is_being_removed(run_id):
            raise StorageError(f"run {run_id}: is being removed by a prune elsewhere")
        for path in self.list_files(LATEST).keys() - digests.keys():
            self.bucket.delete(f"{LATEST}/{path}")
        for path, digest in digests.items():
            target = f"{LATEST}/{path}"
            if self.bucket.note(target) != Note(run_id, digest):
                self.bucket.copy(run_key(run_id, path), target)

    def _is_being_removed(self, run_id: str) -> bool:
        return self.bucket.note(run_key(run_id, REMOVED)) is not None

    def shows(self, run_id: str) -> bool:
        """Compare the run in the metadata of each file under latest/."""
        notes = (self.bucket.note(f"{LATEST}/{p}") for p in self.list_files(LATEST))
        return all(note is not None and note.run_id == run_id for note in notes)


def _state_home() -> Path:
    base = Path(os.environ.get("XDG_STATE_HOME", ""))
    if base.is_absolute():
        return base
    try:
        return Path.home() / ".local" / "state"
    except RuntimeError as error:
        raise ConfigError(
            "XDG_STATE_HOME must name a folder for staged files: there is no home"
        ) from error


def s3_root(
    bucket: str, prefix: str, encryption: tuple[tuple[str, str], ...]
) -> S3Root:
    """Return the root at a prefix, which is empty or ends with `/`.

    boto3 finds region, endpoint and credentials as usual.
    """
    settings = tuple(v for v in sorted(os.environ.items()) if v[0].startswith("AWS_"))
    where = f"{S3}{bucket}/{prefix}".rstrip("/")
    with s3_errors(where):
        try:
            client = _client(settings)
        except BotoCoreError:
            raise
        except ValueError as error:
            raise ConfigError(f"{where}: AWS_ENDPOINT_URL is not a URL") from error
    return S3Root(Bucket(bucket, prefix, encryption, client))


def _read_time(value: str) -> datetime:
    """Return a time of an answer; botocore's parser takes most of a long listing."""
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        time: datetime = parse_timestamp(value)
        return time


@cache
def _client(settings: tuple[tuple[str, str], ...]) -> "S3Client":
    """Return the client that all threads share while boto3's settings are the same."""
    del settings
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        max_pool_connections=MOST_READERS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        # The project compares all that it reads with the manifest or the metadata.
        response_checksum_validation="when_required",
    )
    # The default session is not thread-safe.
    core: Any = botocore.session.get_session()
    parsers = core.get_component("response_parser_factory")
    parsers.set_parser_defaults(timestamp_parser=_read_time)
    session: Any = boto3.Session(botocore_session=core)
    client: S3Client = session.client("s3", config=config)
    return client

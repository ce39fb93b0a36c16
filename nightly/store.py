"""The landing between nights on machines that do not last: a private bucket.

    LANDING_STORE/loads/LOAD_ID/portal=KEY/ENTITY.parquet
    LANDING_STORE/loads/LOAD_ID/load.json     written last: what has it is whole

A load is written once and never changed. Nothing is removed here: a lifecycle rule of
the bucket does that, and a load of which it has removed a part is no load any more.
"""

import re
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from extract.landing import (
    LOAD_ID,
    LOAD_JSON,
    LOADS,
    SCHEMA,
    Load,
    lock,
    read_load,
)
from nightly.errors import ConfigurationError, StorageError
from publish.files import create, fingerprint, flush, make_folder, remove

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

CHUNK_BYTES = 1 << 20
SHA256 = "sha256"
TAKEN = ("PreconditionFailed", "412")
_ADDRESS = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/?(.*)")
_FILE = re.compile(
    rf"({LOAD_ID.pattern})/({LOAD_JSON}|portal=[A-Za-z0-9][A-Za-z0-9._-]*/"
    rf"(?:{'|'.join(SCHEMA)})\.parquet)"
)


class TakenError(StorageError):
    """Another object is there already."""


@dataclass(frozen=True)
class Store:
    """Where loads are kept: objects of `bucket` whose keys begin with `prefix`."""

    client: "S3Client"
    bucket: str
    prefix: str

    def key(self, load_id: str, name: str = "") -> str:
        """Return the key of a load's file; of no load: what all keys begin with."""
        parts = [*filter(None, [self.prefix]), LOADS, load_id, name]
        return "/".join(parts[: None if name else -1])

    def address(self, key: str) -> str:
        """Return the URL of a key, for people."""
        return f"s3://{self.bucket}/{key}"


def open_store(address: str, setting: str) -> Store:
    """Return what `s3://BUCKET/PREFIX` names; ConfigurationError names the setting."""
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise ConfigurationError(f"{setting} must be s3://BUCKET/PREFIX")
    # Few nights need it, and it takes long to import.
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    patience = Config(
        connect_timeout=10,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": 5},
    )
    with _storage(address):
        client = boto3.client("s3", config=patience)
    return Store(client, match[1], match[2].rstrip("/"))


def fetch(address: str, target: Path, setting: str) -> None:
    """Download the one object that `s3://BUCKET/KEY` names."""
    store = open_store(address, setting)
    if not store.prefix:
        raise ConfigurationError(f"{setting} must be s3://BUCKET/KEY, or a file's path")
    with _storage(address):
        _download(store, store.prefix, target)


def push(store: Store, load: Path) -> None:
    """Upload the complete load of a folder, its load.json last."""
    files = sorted(load.glob("portal=*/*.parquet"))
    for path in [*files, load / LOAD_JSON]:
        _upload(store, path, load.name, path.relative_to(load).as_posix())


def pull(store: Store, landing: Path) -> list[str]:
    """Land the loads that the next one goes on from; return their ids, newest first.

    These are, for each portal, the newest load that had all of it. Those that are
    landed already are left alone.
    """
    scratch = landing / ".pulled"
    remove(scratch)
    make_folder(landing / LOADS)
    with _storage(store.address(store.prefix)):
        stored = _list_loads(store)
        chosen = _newest_of_each_portal(_describe(store, stored, scratch))
        for load in chosen:
            if (landing / LOADS / load.load_id).exists():
                continue
            for name in stored[load.load_id] - {LOAD_JSON}:
                _download(store, store.key(load.load_id, name), load.folder / name)
            with lock(landing):
                load.folder.rename(landing / LOADS / load.load_id)
    remove(scratch)
    return [load.load_id for load in chosen]


def _list_loads(store: Store) -> dict[str, set[str]]:
    """Return the files of each load, whole or not."""
    loads: dict[str, set[str]] = defaultdict(set)
    start = store.key("")
    pages = store.client.get_paginator("list_objects_v2").paginate(
        Bucket=store.bucket, Prefix=start
    )
    for page in pages:
        for found in page.get("Contents", []):
            # What is no file of a load is not ours, and no path on this machine.
            if match := _FILE.fullmatch(found["Key"].removeprefix(start)):
                loads[match[1]].add(match[2])
    return loads


def _describe(
    store: Store, stored: Mapping[str, set[str]], scratch: Path
) -> Iterator[Load]:
    """Give the whole loads, newest first, each with its load.json in `scratch`."""
    for load_id in sorted(stored, reverse=True):
        if LOAD_JSON not in stored[load_id]:
            continue
        folder = scratch / load_id
        _download(store, store.key(load_id, LOAD_JSON), folder / LOAD_JSON)
        load = read_load(folder)
        needed = {
            f"portal={key}/{entity}.parquet"
            for key in load.facts["portals"]
            for entity in SCHEMA
        }
        if needed <= stored[load_id]:
            yield load


def _newest_of_each_portal(loads: Iterable[Load]) -> list[Load]:
    chosen, known = [], set[str]()
    for load in loads:
        portals = set(load.facts["portals"])
        if load.is_full and not portals <= known:
            chosen.append(load)
            known |= portals
    return chosen


def _upload(store: Store, path: Path, load_id: str, name: str) -> None:
    sha256, size = fingerprint(path)
    key = store.key(load_id, name)
    try:
        with _storage(store.address(key)), path.open("rb") as body:
            store.client.put_object(
                Bucket=store.bucket,
                Key=key,
                Body=body,
                ContentLength=size,
                ChecksumSHA256=b64encode(bytes.fromhex(sha256)).decode(),
                Metadata={SHA256: sha256},
                IfNoneMatch="*",
            )
    except TakenError:
        # It may be our own: the answer to an earlier attempt can have been lost.
        if _stored_digest(store, key) != sha256:
            raise


def _stored_digest(store: Store, key: str) -> str | None:
    with _storage(store.address(key)):
        head = store.client.head_object(Bucket=store.bucket, Key=key)
    return head["Metadata"].get(SHA256)


def _download(store: Store, key: str, target: Path) -> None:
    """Download an object whole; StorageError where it is not what was uploaded."""
    make_folder(target.parent)
    with _storage(store.address(key)):
        answer = store.client.get_object(Bucket=store.bucket, Key=key)
        with create(target) as file:
            for piece in answer["Body"].iter_chunks(CHUNK_BYTES):
                file.write(piece)
            flush(file)
    wanted = answer["Metadata"].get(SHA256)
    if wanted is not None and fingerprint(target)[0] != wanted:
        raise StorageError(f"{store.address(key)}: is damaged, its sha256 is another")


@contextmanager
def _storage(address: str) -> Iterator[None]:
    """Turn what the bucket refuses into one line; TakenError where a key is taken."""
    from botocore.exceptions import (  # noqa: PLC0415
        BotoCoreError,
        ClientError,
        HTTPClientError,
    )

    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        kind = TakenError if code in TAKEN else StorageError
        raise kind(f"{address}: {code}") from error
    except (BotoCoreError, HTTPClientError) as error:
        raise StorageError(f"{address}: {' '.join(str(error).split())}") from error

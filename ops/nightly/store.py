"""Where nights on short-lived machines keep their loads: a private bucket.

    LANDING_STORE/loads/LOAD_ID/portal=KEY/ENTITY.parquet
    LANDING_STORE/loads/LOAD_ID/load.json     written last: it marks a whole load

A load is written once and never changed. The bucket's lifecycle rule removes old loads;
a load that it has removed in part does not count.
"""

import re
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from common.errors import ConfigError, StorageError
from common.files import (
    CHUNK_BYTES,
    create,
    fingerprint,
    flush,
    make_folder,
    remove,
    storage,
)
from extract.landing import LOAD_ID, LOAD_JSON, LOADS, SCHEMA, Load, lock, read_load
from publish.s3_bucket import Bucket, Note
from publish.s3_writing import add
from publish.settings import s3_root_at

SCRATCH = ".pulled"
_FILE = re.compile(
    rf"({LOAD_ID.pattern})/({LOAD_JSON}|portal=[A-Za-z0-9][A-Za-z0-9._-]*/"
    rf"(?:{'|'.join(SCHEMA)})\.parquet)",
    re.ASCII,
)


def open_store(address: str, setting: str) -> Bucket:
    """Return the store at `s3://BUCKET/PREFIX`; ConfigError names the setting."""
    return s3_root_at(address, setting).bucket


def fetch(address: str, target: Path, setting: str) -> None:
    """Download the one file that `s3://BUCKET/PREFIX/NAME` names."""
    prefix, _, name = address.rpartition("/")
    _download(open_store(prefix, setting), name, target)


def push(store: Bucket, load: Path) -> None:
    """Upload the complete load of a folder, its load.json last."""
    files = sorted(load.glob("portal=*/*.parquet"))
    for path in [*files, load / LOAD_JSON]:
        key = f"{LOADS}/{load.name}/{path.relative_to(load).as_posix()}"
        if not add(store, key, path, Note(load.name, fingerprint(path)[0])):
            raise StorageError(f"{store.address(key)}: another file is already there")


def pull(store: Bucket, landing: Path) -> list[str]:
    """Land the loads that the next one reuses; return their ids, newest first.

    For each portal that is the newest load with all of it. Landed loads stay as they
    are.
    """
    scratch = landing / SCRATCH
    remove(scratch)
    make_folder(landing / LOADS)
    stored = _list_loads(store)
    chosen = _newest_of_each_portal(_whole_loads(store, stored, scratch))
    for load in chosen:
        if not (landing / LOADS / load.load_id).exists():
            _land(store, stored, load, landing)
    remove(scratch)
    return [load.load_id for load in chosen]


def pull_one(store: Bucket, landing: Path, load_id: str) -> None:
    """Land one load of the store; ConfigError if there is no such load."""
    scratch = landing / SCRATCH
    remove(scratch)
    make_folder(landing / LOADS)
    stored = {
        name: files for name, files in _list_loads(store).items() if name == load_id
    }
    for load in _whole_loads(store, stored, scratch):
        _land(store, stored, load, landing)
        remove(scratch)
        return
    raise ConfigError(
        f"there is no load {load_id} in {landing}, and no whole one in "
        f"{store.address(LOADS)}"
    )


def _land(
    store: Bucket, stored: Mapping[str, set[str]], load: Load, landing: Path
) -> None:
    landed = landing / LOADS / load.load_id
    for name in sorted(stored[load.load_id] - {LOAD_JSON}):
        _download_checked(store, load.load_id, name, load.folder)
    with storage(landed), lock(landing):
        load.folder.rename(landed)


def _list_loads(store: Bucket) -> dict[str, set[str]]:
    """Return the files of each load, whole or not."""
    loads: dict[str, set[str]] = defaultdict(set)
    for name in store.sizes(f"{LOADS}/"):
        # Other names in the bucket never become paths on this machine.
        if match := _FILE.fullmatch(name):
            loads[match[1]].add(match[2])
    return loads


def _whole_loads(
    store: Bucket, stored: Mapping[str, set[str]], scratch: Path
) -> Iterator[Load]:
    """Yield the whole loads, newest first, each with its load.json in `scratch`."""
    for load_id in sorted(stored, reverse=True):
        if LOAD_JSON not in stored[load_id]:
            continue
        _download_checked(store, load_id, LOAD_JSON, scratch / load_id)
        load = read_load(scratch / load_id)
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


def _download_checked(store: Bucket, load_id: str, name: str, folder: Path) -> None:
    """Download a file of a load; StorageError where its sha256 is wrong."""
    key = f"{LOADS}/{load_id}/{name}"
    _download(store, key, folder / name)
    if store.note(key) != Note(load_id, fingerprint(folder / name)[0]):
        raise StorageError(f"{store.address(key)}: is damaged: its sha256 is wrong")


def _download(store: Bucket, key: str, target: Path) -> None:
    make_folder(target.parent)
    with storage(target), store.open(key) as source, create(target) as file:
        shutil.copyfileobj(source, file, CHUNK_BYTES)
        flush(file)

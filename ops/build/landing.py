"""The load that a build reads, held so that nothing prunes it meanwhile."""

import json
import os
import re
from pathlib import Path

from common.errors import ConfigError, ContractError, StorageError
from common.files import storage
from common.locks import hold

_LOAD_ID = re.compile(r"[0-9A-Za-z-]+", re.ASCII)
# The load that a build of this process reads.
_held: list[int] = []


def open_load(landing: str) -> str:
    """Hold the current load while the process lives, or until it takes another one."""
    description = Path(landing) / "current" / "load.json"
    if not description.is_file():
        raise ConfigError(
            f"No complete load in {landing}: `sms extract load` makes one; the "
            "environment variable LANDING_DIR names another folder"
        )
    return hold_load(landing, _load_id(description))


def _load_id(description: Path) -> str:
    with storage(description):
        content = description.read_bytes()
    try:
        load_id = json.loads(content)["load_id"]
    except (ValueError, KeyError, TypeError) as error:
        raise ContractError(f"{description}: names no load_id") from error
    if not isinstance(load_id, str) or not _LOAD_ID.fullmatch(load_id):
        raise ContractError(f"{description}: names no load_id")
    return load_id


def hold_load(landing: str, load_id: str) -> str:
    """Hold a load; return its folder."""
    folder = Path(landing) / "loads" / load_id
    descriptor = hold(folder)
    if descriptor is None:
        raise StorageError(
            f"load {load_id}: is not in {folder.parent} any more: build again"
        )
    while _held:
        os.close(_held.pop())
    _held.append(descriptor)
    return str(folder)

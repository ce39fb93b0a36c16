"""The log of promotions: promotions/TIME-RUN_ID.json, a copy of each current.json.

An entry is written once and never removed. A process that is killed between moving
current.json and logging it leaves the entry to the next promotion.
"""

import getpass
import os
import socket
from datetime import datetime

from common.errors import ContractError, StorageError
from common.files import write_private
from publish.layout import CURRENT, PROMOTIONS, is_run_id
from publish.manifest import Current, digest, read_current
from publish.root import Root
from publish.staging import claim, drop

STAGED = "promotion.json"


def who_promotes() -> str:
    """Return user@host, or the CI run."""
    if run := os.environ.get("GITHUB_RUN_ID"):
        server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
        repository = os.environ.get("GITHUB_REPOSITORY", "")
        return f"{server}/{repository}/actions/runs/{run}"
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def log_current(root: Root) -> None:
    """Add what current.json says to the log, unless it is there."""
    content = root.current().content
    if content is None:
        return
    try:
        key = _key(read_current(content))
    except ContractError:
        return  # A damaged current.json promotes nothing.
    run_id = key.removesuffix(".json").partition("Z-")[2]
    if root.read(key) is not None:
        return
    staged = claim(root.staging, run_id, STAGED)
    try:
        staged.unlink(missing_ok=True)
        write_private(staged, content)
        root.add(key, staged, run_id, digest(content))
    except StorageError:
        # Another process may have logged it at the same moment.
        if root.read(key) != content:
            raise
    finally:
        drop(root.staging, run_id)


def _key(current: Current) -> str:
    try:
        at = datetime.fromisoformat(current.promoted_at)
    except ValueError as error:
        raise ContractError(f"{CURRENT}: promoted_at is not a time") from error
    return f"{PROMOTIONS}/{at:%Y%m%dT%H%M%S%f}Z-{current.run_id}.json"


def promoted_runs(root: Root) -> list[str]:
    """Return the ids of the runs in the log, one each promotion, oldest first."""
    names = sorted(root.list_files(PROMOTIONS))
    ids = [name.removesuffix(".json").partition("Z-")[2] for name in names]
    return list(filter(is_run_id, ids))


def replaced_by(log: list[str], run_id: str) -> str | None:
    """Return the run that was promoted after the last promotion of a run."""
    if run_id not in log:
        return None
    last = len(log) - 1 - log[::-1].index(run_id)
    return next((other for other in log[last:] if other != run_id), None)


def promotions(root: Root) -> list[Current]:
    """Return the promotions in the log, oldest first."""
    keys = (f"{PROMOTIONS}/{name}" for name in sorted(root.list_files(PROMOTIONS)))
    return [read_current(content) for k in keys if (content := root.read(k))]

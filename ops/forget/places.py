"""Erasing a person from databases and from runs that are not promoted."""

import os
from collections import Counter
from pathlib import Path

from common.errors import StorageError
from common.files import remove, storage
from common.locks import is_held
from ops.build.database import IN_MEMORY, check_database
from ops.forget.person import Person
from publish import staging
from publish.layout import (
    COPIES,
    LATEST,
    MANIFEST,
    REMOVED,
    RUN_SUPPRESSIONS,
    run_key,
)
from publish.local import LocalRoot
from publish.promotion import load_current, repair_latest
from publish.root import Root

# A night's folder beside the database; these files of it hold counts and ids alone.
NIGHT = ".nightly"
NIGHT_KEPT = {"lock", "summary.md", "night.json", "report.html"}
REVIEW = Path("target/review")


def forget_databases(counts: Counter[str], *, dry_run: bool) -> None:
    """Remove the databases and what nights and reviews left; a build makes them again.

    DuckDB leaves deleted rows in its file, so removing the file is the sure way.
    """
    name = os.environ.get("DUCKDB_PATH") or "sms_campaigns.duckdb"
    database = Path(name).absolute()
    found = [database, database.with_suffix(".plan.duckdb")]
    found += [path.with_name(f"{path.name}.wal") for path in found]
    if name == IN_MEMORY:
        found = []
    night = database.parent / NIGHT
    with storage(night):
        if is_held(night / "lock"):
            raise StorageError(f"{night}: a night is in progress: try again after it")
        if is_held(REVIEW.with_suffix(".lock")):
            raise StorageError(f"{REVIEW}: a review is in progress: try again after it")
        if night.is_dir():
            found += [path for path in night.iterdir() if path.name not in NIGHT_KEPT]
        found = [path for path in [*found, REVIEW] if path.exists()]
    for path in found:
        if path.suffix == ".duckdb":
            check_database(str(path))
    for path in found:
        counts["databases and their files removed"] += 1
        if not dry_run:
            remove(path)


def forget_runs(
    root: Root, person: Person, counts: Counter[str], *, dry_run: bool
) -> str | None:
    """Remove the runs that name a person; return the promoted run if it does.

    A promoted run stays, as its files are bound to its manifest. suppressions.csv of a
    run does not count: as the ledger, it keeps the bare addresses.
    """
    if not dry_run:
        root.prepare()
        staging.drop_abandoned(root.staging, root.abandon)
        # After a promotion that was stopped, latest/ can still show another run.
        repair_latest(root)
    began_with = root.current().version
    current = load_current(root)
    promoted = current.run_id if current else None
    for run_id in root.run_ids():
        files = root.list_files(run_key(run_id))
        if MANIFEST not in files and staging.is_held(root.staging, run_id):
            raise StorageError(f"run {run_id}: is being written: try again after it")
        if run_id == promoted:
            continue
        # One of a killed removal can have lost the file that names the person.
        if not (REMOVED in files or _names(root, run_key(run_id), person)):
            continue
        counts["runs removed"] += 1
        if not dry_run:
            with root.promoting():
                root.remove_run(run_id, began_with)
    if not dry_run:
        _remove_old_copies(root)
    if promoted is None:
        return None
    shown = (run_key(promoted), LATEST)
    return promoted if any(_names(root, key, person) for key in shown) else None


def _names(root: Root, key: str, person: Person) -> bool:
    for path in root.list_files(key):
        if path == RUN_SUPPRESSIONS:
            continue
        with root.open(f"{key}/{path}") as stream:
            # A file that a killed build left can end within a character.
            lines = (line.decode(errors="replace") for line in stream)
            if any(map(person.is_in, lines)):
                return True
    return False


def _remove_old_copies(root: Root) -> None:
    """Remove copies that `latest` does not show, of an interrupted promotion."""
    copies = root.folder / COPIES if isinstance(root, LocalRoot) else None
    if copies is not None and copies.is_dir():
        with root.promoting(), storage(copies):
            for path in copies.iterdir():
                if not root.shows(path.name):
                    remove(path)

"""A night from load to promotion: the project's own commands, one after the other.

Beside the database there is a folder, `.nightly`, for what a night leaves:

    lock            held while a night is in progress, also by its orphans
    summary.md      the night in words, and
    night.json      in figures: {"mode", "run_id", "load_id", "is_promoted",
                    "obstacle", "steps": [{"name", "seconds", "exit_code"}]}
    report.html     the report of its run, if that has one

and, until the next night, the files of one that failed. DUCKDB_PATH is always the
database of a promoted run: it is replaced, in one step, once a night's run is. A plan's
database is put beside it as `NAME.plan.duckdb`.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from audience.builds import Build, check_passed
from common.errors import CommandError, ConfigError, DatabaseError, StorageError
from common.files import PRIVATE_FILE, make_folder, remove, storage, write_private
from extract.landing import LOADS, current_id, read_load
from ops.nightly import store
from ops.nightly.comparing import (
    compare_builds,
    compare_with_promoted,
    read_database,
    what_stands_against,
)
from ops.nightly.errors import CommandFailedError, StepError, StoppedError
from ops.nightly.steps import Steps
from ops.nightly.summary import Night, render
from publish.layout import REPORT, run_key
from publish.local import LocalRoot
from publish.manifest import Manifest, canonical
from publish.promotion import load_manifest
from publish.settings import export_root

FOLDER = ".nightly"
LOCK = "lock"
STORE = "LANDING_STORE"
SUPPRESSIONS = "SUPPRESSIONS_CSV"
S3 = "s3://"
EXPORT = "export"


@dataclass(frozen=True)
class Wanted:
    """What a night is to do. No portals: all; no summary: in the night's folder."""

    mode: str
    portals: tuple[str, ...] = ()
    is_sandbox: bool = False
    accepts_change: bool = False
    summary: Path | None = None


@dataclass(frozen=True)
class Places:
    """Where a night finds and leaves its things."""

    landing: Path
    database: Path

    @property
    def folder(self) -> Path:
        """The night's own folder."""
        return self.database.parent / FOLDER

    @property
    def built(self) -> Path:
        """The database that the night builds."""
        return self.folder / "built.duckdb"

    @property
    def suppressions(self) -> Path:
        """The list of who said stop, where it comes from a bucket."""
        return self.folder / "suppressions.csv"


def run(wanted: Wanted) -> Night:
    """Do a night, and write its summary whatever becomes of it.

    Raises ConfigError; StorageError where another night is in progress;
    StepError where a step fails, StoppedError where it is stopped.
    """
    _check_suppressions(wanted)
    places = Places(
        Path(os.environ.get("LANDING_DIR") or "landing").absolute(),
        Path(os.environ.get("DUCKDB_PATH") or "sms_campaigns.duckdb").absolute(),
    )
    make_folder(places.folder)
    _check_summary(wanted)
    with _only_night(places.folder / LOCK) as lock:
        for path in places.folder.iterdir():
            if path.name != LOCK:
                remove(path)
        steps = Steps(lock)
        night = Night(wanted.mode, steps.done)
        try:
            _go(wanted, places, steps, night)
        except BaseException as error:
            if isinstance(error, StepError | StoppedError):
                night.obstacle = str(error)
            # What has failed first is what must be told.
            with suppress(CommandError):
                _write(wanted, places, night)
            raise
        _write(wanted, places, night)
    return night


def _check_suppressions(wanted: Wanted) -> None:
    address = os.environ.get(SUPPRESSIONS)
    if not address:
        if wanted.is_sandbox:
            return
        raise ConfigError(
            f"{SUPPRESSIONS} is not set: a night needs the list of who said stop; "
            "where nobody has, a file of its header alone"
        )
    if address.startswith(S3):
        return
    if not (Path(address).is_file() and os.access(address, os.R_OK)):
        raise ConfigError(f"{SUPPRESSIONS}: there is no readable file {address}")


def _check_summary(wanted: Wanted) -> None:
    """Refuse a summary that could not be written once the night is over."""
    path = wanted.summary
    if path is None:
        return
    if path.exists():
        can_write = os.access(path, os.W_OK)
    else:
        folder = path.parent
        can_write = folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
    if not can_write:
        raise ConfigError(
            f"--summary: {path} cannot be written: its folder is missing, or "
            "not to be written to"
        )


@contextmanager
def _only_night(path: Path) -> Iterator[int]:
    with storage(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StorageError(
                f"another night is in progress, or a command of one that was killed: "
                f"{path} is locked"
            ) from error
        yield descriptor
    finally:
        os.close(descriptor)


def _go(wanted: Wanted, places: Places, steps: Steps, night: Night) -> None:
    # First, as a load can take hours.
    suppressions = _suppressions(places, steps)
    _load(wanted, places, steps, night)
    with steps.step("build"):
        try:
            build = _build(steps, places.built, suppressions)
        finally:
            _note_run(places, night)
        manifest, _ = load_manifest(export_root(), build.run_id)
        night.manifest = manifest
    _build_again(places, steps, night, manifest, suppressions)
    with steps.step("compare with the promoted run"):
        promoted = compare_with_promoted(
            steps, night, export_root(), (places.database, places.built)
        )
    if wanted.mode == EXPORT:
        accepted = ["--accept-change"] if wanted.accepts_change else []
        with steps.step("promote"):
            steps.run("sms", "publish", "promote", build.run_id, *accepted)
        night.is_promoted = True
    else:
        night.obstacle = what_stands_against(promoted, manifest)
    with steps.step("keep the database"):
        _keep(places, is_promoted=night.is_promoted)
        remove(places.suppressions)


def _load(wanted: Wanted, places: Places, steps: Steps, night: Night) -> None:
    """Make a load, from and into the store of loads if there is one."""
    address = os.environ.get(STORE)
    kept = store.open_store(address, STORE) if address else None
    if kept:
        with steps.step("pull"):
            store.pull(kept, places.landing)
    options = [f"--portal={key}" for key in wanted.portals]
    options += ["--sandbox"] if wanted.is_sandbox else []
    options += ["--accept-shrink"] if wanted.accepts_change else []
    with steps.step("load"):
        steps.run("sms", "extract", "load", "--log-format=text", *options)
        load = read_load(places.landing / LOADS / str(current_id(places.landing)))
        night.load = load.facts
    if kept:
        with steps.step("push"):
            store.push(kept, load.folder)


def _suppressions(places: Places, steps: Steps) -> dict[str, str]:
    """Fetch the suppression list, where a bucket has it; return how dbt finds it."""
    address = os.environ.get(SUPPRESSIONS, "")
    if not address.startswith(S3):
        return {}
    with steps.step("fetch suppressions"):
        store.fetch(address, places.suppressions, SUPPRESSIONS)
    return {SUPPRESSIONS: str(places.suppressions)}


def _build(
    steps: Steps,
    database: Path,
    environment: Mapping[str, str],
    options: Sequence[str] = (),
) -> Build:
    """Build into a new database; the run is written and not promoted."""
    dbt = ("dbt", *options, "build", "--vars", "{promote: false}")
    environment = {**environment, "DUCKDB_PATH": str(database)}
    try:
        steps.run(*dbt, environment=environment)
    except CommandFailedError as failed:
        reason = _obstacle(database) or str(failed)
        raise CommandFailedError(failed.exit_code, reason) from failed
    build = read_database(database)
    check_passed("build", build)
    return build


def _obstacle(database: Path) -> str:
    """Say why a build is not whole, as far as its database knows; it can be missing."""
    try:
        return read_database(database).obstacle or ""
    except DatabaseError:
        return ""


def _note_run(places: Places, night: Night) -> None:
    """Note which run dbt has made, and keep its report, if there are such."""
    with suppress(DatabaseError, CommandError):
        night.run_id = read_database(places.built).run_id
        report = export_root().read(run_key(night.run_id, REPORT))
        if report is not None:
            write_private(places.folder / REPORT, report)


def _build_again(
    places: Places,
    steps: Steps,
    night: Night,
    manifest: Manifest,
    suppressions: Mapping[str, str],
) -> None:
    """Build the load once more, into a root and a database that nobody else sees."""
    again = places.folder / "again"
    database = places.folder / "again.duckdb"
    with steps.step("build again"):
        environment = {**suppressions, "EXPORT_ROOT": str(again)}
        build = _build(steps, database, environment, ["--quiet"])
    with steps.step("compare both builds"):
        other, _ = load_manifest(LocalRoot(again), build.run_id)
        compare_builds(steps, night, (places.built, database), (manifest, other))
        remove(again)
        remove(database)


def _keep(places: Places, *, is_promoted: bool) -> None:
    database = places.database
    if not is_promoted:
        database = database.with_suffix(".plan.duckdb")
    # A log that a killed build left would be taken for the new file's.
    remove(database.with_name(f"{database.name}.wal"))
    with storage(database):
        places.built.replace(database)


def _write(wanted: Wanted, places: Places, night: Night) -> None:
    facts = {
        "mode": night.mode,
        "load_id": night.load.get("load_id"),
        "run_id": night.run_id,
        "is_promoted": night.is_promoted,
        "obstacle": None if night.is_promoted else night.obstacle,
        "steps": [asdict(step) for step in night.steps],
    }
    write_private(places.folder / "night.json", canonical(facts))
    summary = render(night).encode()
    write_private(places.folder / "summary.md", summary)
    if wanted.summary:
        write_private(wanted.summary, summary)

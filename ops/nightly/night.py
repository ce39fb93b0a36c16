"""A night from load to promotion: the project's own commands, one after the other.

The folder `.nightly` beside the database holds what a night leaves:

    lock            held while a night is in progress, also by its orphans
    summary.md      the night in words
    night.json      the same as data: {"mode", "run_id", "load_id", "is_promoted",
                    "obstacle", "steps": [{"name", "seconds", "exit_code"}]}
    report.html     the run's report, if it has one

and, after a failure, the files of the failed night until the next one. DUCKDB_PATH
always holds the database of a promoted run: it is replaced in one step once the night's
run is promoted. A plan's database goes beside it as `NAME.plan.duckdb`.
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
from ops.nightly.steps import CommandFailedError, StepError, Steps, StoppedError
from ops.nightly.summary import Night, render
from publish.layout import REPORT, run_key
from publish.layout import SUPPRESSIONS as LEDGER
from publish.local import LocalRoot
from publish.manifest import Manifest, canonical
from publish.promotion import load_manifest
from publish.settings import export_root
from publish.suppressions.ledger import copy_segments

FOLDER = ".nightly"
LOCK = "lock"
STORE = "LANDING_STORE"
SUPPRESSIONS = "SUPPRESSIONS_CSV"
FETCHED = "suppressions.csv"
S3 = "s3://"
EXPORT = "export"


@dataclass(frozen=True)
class Wanted:
    """What a night has to do. No portals: all; no summary: only in its folder."""

    mode: str
    portals: tuple[str, ...] = ()
    is_sandbox: bool = False
    accepts_change: bool = False
    summary: Path | None = None


@dataclass(frozen=True)
class Places:
    """The landing, the database to replace, and the night's own folder."""

    landing: Path
    database: Path
    folder: Path

    @property
    def built(self) -> Path:
        """The database that the night builds."""
        return self.folder / "built.duckdb"


def run(wanted: Wanted) -> Night:
    """Run a night, and write its summary however it ends.

    Raises ConfigError; StorageError where another night is in progress; StepError where
    a step fails; StoppedError where a signal stops it.
    """
    _check_suppressions(wanted)
    _check_export_root()
    if wanted.summary:
        _check_summary(wanted.summary)
    database = Path(os.environ.get("DUCKDB_PATH") or "sms_campaigns.duckdb").absolute()
    landing = Path(os.environ.get("LANDING_DIR") or "landing").absolute()
    places = Places(landing, database, database.parent / FOLDER)
    make_folder(places.folder)
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
            # The first failure is the one to report.
            with suppress(CommandError):
                _write(wanted, places, night)
            raise
        _write(wanted, places, night)
    return night


def _check_suppressions(wanted: Wanted) -> None:
    address = os.environ.get(SUPPRESSIONS)
    if not address:
        if wanted.is_sandbox or export_root().list_files(LEDGER):
            return
        raise ConfigError(
            f"{SUPPRESSIONS} is not set, and the export root has no ledger of "
            "suppressions: a night needs one of them; if the list is empty, give a "
            "file with only the header"
        )
    if address.startswith(S3):
        return
    if not (Path(address).is_file() and os.access(address, os.R_OK)):
        raise ConfigError(f"{SUPPRESSIONS}: there is no readable file {address}")


def _check_export_root() -> None:
    """Refuse a root that the build could not write to, before hours of loading."""
    root = export_root()
    if isinstance(root, LocalRoot):
        folder = root.folder
        place = next(path for path in (folder, *folder.parents) if path.exists())
        if not (place.is_dir() and _is_writable(place)):
            raise ConfigError(f"EXPORT_ROOT: {folder} cannot be written")


def _check_summary(path: Path) -> None:
    """Refuse a summary that could not be written at the end of the night."""
    place = path if path.exists() else path.parent
    if not (_is_writable(place) and (place == path or place.is_dir())):
        raise ConfigError(
            f"--summary: {path} cannot be written: its folder does not exist or is not "
            "writable"
        )


def _is_writable(path: Path) -> bool:
    return os.access(path, os.W_OK | os.X_OK if path.is_dir() else os.W_OK)


@contextmanager
def _only_night(path: Path) -> Iterator[int]:
    with storage(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StorageError(
                f"another night is in progress, or a command of a killed one: "
                f"{path} is locked"
            ) from error
        yield descriptor
    finally:
        os.close(descriptor)


def _go(wanted: Wanted, places: Places, steps: Steps, night: Night) -> None:
    # The list comes first: a load can take hours.
    suppressions = _suppressions(places, steps)
    _load(wanted, places, steps, night)
    with steps.step("build"):
        try:
            build = _build(steps, places.built, suppressions)
        finally:
            _note_run(places, night)
        manifest, _ = load_manifest(export_root(), build.run_id)
        night.manifest = manifest
    _build_again(places, steps, night, manifest)
    with steps.step("compare with the promoted run"):
        compare_with_promoted(
            steps, night, export_root(), (places.database, places.built)
        )
    if wanted.mode == EXPORT:
        options = [f"--allow-unreadable={manifest.allow_unreadable}"]
        options += ["--accept-change"] if wanted.accepts_change else []
        with steps.step("promote"):
            steps.run("sms", "publish", "promote", build.run_id, *options)
        night.is_promoted = True
    else:
        night.obstacle = what_stands_against(export_root(), manifest)
    with steps.step("keep the database"):
        _keep(places, is_promoted=night.is_promoted)
        remove(places.folder / FETCHED)


def _load(wanted: Wanted, places: Places, steps: Steps, night: Night) -> None:
    """Load the portals; pull from and push to the store of loads, if there is one."""
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
    """Fetch a suppression list from its bucket; return the setting that dbt needs."""
    address = os.environ.get(SUPPRESSIONS, "")
    if not address.startswith(S3):
        return {}
    with steps.step("fetch suppressions"):
        store.fetch(address, places.folder / FETCHED, SUPPRESSIONS)
    return {SUPPRESSIONS: str(places.folder / FETCHED)}


def _build(
    steps: Steps,
    database: Path,
    environment: Mapping[str, str],
    options: Sequence[str] = (),
) -> Build:
    """Build into a new database; write the run and do not promote it."""
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
    """Return why a build did not pass, if its database is there and says so."""
    try:
        return read_database(database).obstacle or ""
    except DatabaseError:
        return ""


def _note_run(places: Places, night: Night) -> None:
    """Note the run that dbt wrote and keep its report, if there are any."""
    with suppress(DatabaseError, CommandError):
        night.run_id = read_database(places.built).run_id
        report = export_root().read(run_key(night.run_id, REPORT))
        if report is not None:
            write_private(places.folder / REPORT, report)


def _build_again(
    places: Places, steps: Steps, night: Night, manifest: Manifest
) -> None:
    """Build the load once more, into a private root and database.

    The private root begins with the ledger of the first build, which has all of the
    list. So the second build decides by the same suppressions without the list, which
    can have grown.
    """
    again = places.folder / "again"
    database = places.folder / "again.duckdb"
    with steps.step("build again"):
        if manifest.suppressions is not None:
            copy_segments(export_root(), manifest.suppressions.segments, again)
        environment = {SUPPRESSIONS: "", "EXPORT_ROOT": str(again)}
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
    # DuckDB would read the log of a killed build as the new file's.
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

"""A night from load to promotion: the project's own commands, one after the other.

The folder `.nightly` beside the database holds what a night leaves:

    lock            held while a night is in progress, also by its orphans; its text
                    is a name for this folder, see ops.nightly.machines
    summary.md      the night in words
    night.json      the same as data: {"mode", "run_id", "load_id", "is_promoted",
                    "obstacle", "trace_id",
                    "steps": [{"name", "seconds", "exit_code"}]}
    report.html     the run's report, if it has one

The first two are also kept beside the files of the run. After a failure, the folder
has the files of the failed night until the next one. DUCKDB_PATH always holds the
database of a promoted run: it is replaced in one step once the night's run is promoted.
A plan's database goes beside it as `NAME.plan.duckdb`.
"""

import fcntl
import json
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import click
from structlog.typing import FilteringBoundLogger

from audience.builds import Build, check_passed
from common.environment import DEV
from common.environment import SETTING as ENVIRONMENT
from common.errors import (
    CommandError,
    ConfigError,
    ContractError,
    DatabaseError,
    StorageError,
)
from common.files import PRIVATE_FILE, make_folder, remove, storage, write_private
from common.logs import TRACE
from extract.landing import CURRENT, LOAD_ID, LOADS, current_id, read_load
from extract.logs import LogFormat, open_log
from ops.checks import check_writable_root, is_writable
from ops.nightly import store
from ops.nightly.comparing import (
    compare_builds,
    compare_with_promoted,
    read_database,
    what_stands_against,
)
from ops.nightly.errors import (
    CommandFailedError,
    StepError,
    StoppedError,
    StopSignal,
)
from ops.nightly.logs import trace_id
from ops.nightly.machines import Held, only_machine
from ops.nightly.steps import Steps
from ops.nightly.summary import Night, render
from ops.nightly.variables import read_variables
from publish.attaching import attach
from publish.layout import NIGHT, REPORT, SUMMARY, run_key
from publish.layout import SUPPRESSIONS as LEDGER
from publish.local import LocalRoot
from publish.manifest import Manifest, canonical
from publish.production import check_code, check_root
from publish.promotion import load_manifest
from publish.s3_bucket import Bucket
from publish.settings import export_root
from publish.suppressions.ledger import copy_segments

FOLDER = ".nightly"
LOCK = "lock"
PLACE_BYTES = 32
STORE = "LANDING_STORE"
SUPPRESSIONS = "SUPPRESSIONS_CSV"
FETCHED = "suppressions.csv"
# A landing in which the load that --load names is current.
VIEW = "landing"
S3 = "s3://"
EXPORT = "export"


@dataclass(frozen=True)
class Wanted:
    """What a night has to do. No portals: all; no summary: only in its folder.

    With `load_id`, it builds that load instead of making one. `given` is the text of
    --vars, `variables` all that are read from it and from the environment.
    """

    mode: str
    portals: tuple[str, ...] = ()
    is_sandbox: bool = False
    accepts_change: bool = False
    summary: Path | None = None
    load_id: str | None = None
    pushes: bool = True
    breaks_lock: bool = False
    given: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    log_format: LogFormat = "text"


@dataclass(frozen=True)
class Places:
    """The landing, the database to replace, the night's folder, the store of loads."""

    landing: Path
    database: Path
    folder: Path
    store: Bucket | None

    @property
    def built(self) -> Path:
        """The database that the night builds."""
        return self.folder / "built.duckdb"


def run(wanted: Wanted) -> Night:
    """Run a night, and write its summary however it ends.

    Raises ConfigError; StorageError where another night is in progress; StepError where
    a step fails; StoppedError where a signal stops it.
    """
    trace = trace_id()
    log = open_log("json", trace_id=trace) if wanted.log_format == "json" else None
    try:
        try:
            return _run(wanted, trace, log)
        except StopSignal as stop:
            raise StoppedError("between two steps", stop.exit_code) from stop
    except CommandError as error:
        if log:
            ended = {"exit_code": error.exit_code, "reason": str(error)}
            log.error("night_failed", mode=wanted.mode, **ended)  # noqa: TRY400
        raise


def _run(wanted: Wanted, trace: str, log: FilteringBoundLogger | None) -> Night:
    if wanted.load_id and not LOAD_ID.fullmatch(wanted.load_id):
        raise ConfigError("--load is not a load id: `sms extract loads` lists them")
    wanted = replace(wanted, variables=read_variables(wanted.given))
    check_root(export_root())
    if wanted.mode == EXPORT:
        check_code()
    _check_suppressions(wanted)
    # A load can take hours.
    check_writable_root(export_root())
    if wanted.summary:
        _check_summary(wanted.summary)
    database = Path(os.environ.get("DUCKDB_PATH") or "sms_campaigns.duckdb").absolute()
    landing = Path(os.environ.get("LANDING_DIR") or "landing").absolute()
    places = Places(landing, database, database.parent / FOLDER, _store())
    make_folder(places.folder)
    with (
        _only_night(places.folder / LOCK) as lock,
        _only_machine(wanted, places, trace, lock) as held,
    ):
        for path in places.folder.iterdir():
            if path.name != LOCK:
                remove(path)
        steps = Steps(lock, log, {TRACE: trace})
        night = Night(
            wanted.mode, steps.done, trace_id=trace, log_format=wanted.log_format
        )
        try:
            _go(wanted, places, steps, night, held)
        except BaseException as error:
            if isinstance(error, StepError | StoppedError):
                night.obstacle = str(error)
            # The first failure is the one to report.
            with suppress(CommandError):
                _write(wanted, places, steps, night)
            raise
        _write(wanted, places, steps, night)
    return night


def _store() -> Bucket | None:
    address = os.environ.get(STORE)
    return store.open_store(address, STORE) if address else None


def _only_machine(
    wanted: Wanted, places: Places, trace: str, lock: int
) -> AbstractContextManager[Held | None]:
    """Hold the right to a night that pushes its load; others change nothing shared."""
    if places.store is None or wanted.load_id or not wanted.pushes:
        return nullcontext()
    # Who holds this lock knows that no other night of its folder is alive.
    place = os.pread(lock, PLACE_BYTES, 0).decode() or _new_place(lock)
    return only_machine(places.store, trace, place, breaks_lock=wanted.breaks_lock)


def _new_place(lock: int) -> str:
    """Give the night's folder a name that no other folder has."""
    place = uuid.uuid4().hex
    with storage(LOCK):
        os.pwrite(lock, place.encode(), 0)
    return place


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


def _check_summary(path: Path) -> None:
    """Refuse a summary that could not be written at the end of the night."""
    place = path if path.exists() else path.parent
    if not (is_writable(place) and (place == path or place.is_dir())):
        raise ConfigError(
            f"--summary: {path} cannot be written: its folder does not exist or is not "
            "writable"
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
                f"another night is in progress, or a command of a killed one: "
                f"{path} is locked"
            ) from error
        yield descriptor
    finally:
        os.close(descriptor)


def _go(
    wanted: Wanted, places: Places, steps: Steps, night: Night, held: Held | None
) -> None:
    # The list comes first: a load can take hours.
    suppressions = _suppressions(places, steps)
    if wanted.load_id:
        _take_load(wanted, wanted.load_id, places, steps, night)
    else:
        _load(wanted, places, steps, night, held)
    with steps.step("build"):
        try:
            build = _build(steps, places.built, wanted.variables, suppressions)
        finally:
            _note_run(places, night)
        manifest, _ = load_manifest(export_root(), build.run_id)
        night.manifest = manifest
    _build_again(wanted, places, steps, night, manifest)
    with steps.step("compare with the promoted run"):
        compare_with_promoted(
            steps, night, export_root(), (places.database, places.built)
        )
    if wanted.mode == EXPORT:
        options = [f"--allow-unreadable={manifest.allow_unreadable}"]
        options += ["--accept-change"] if wanted.accepts_change else []
        with steps.step("promote"):
            if held:
                held.check()
            steps.run("sms", "publish", "promote", build.run_id, *options)
        night.is_promoted = True
    else:
        night.obstacle = what_stands_against(export_root(), manifest)
    with steps.step("keep the database"):
        _keep(places, is_promoted=night.is_promoted)
        remove(places.folder / FETCHED)
        remove(places.folder / VIEW)


def _load(
    wanted: Wanted, places: Places, steps: Steps, night: Night, held: Held | None
) -> None:
    """Load the portals; pull from and push to the store of loads, if there is one."""
    if places.store:
        with steps.step("pull"):
            store.pull(places.store, places.landing)
    options = [f"--portal={key}" for key in wanted.portals]
    options += ["--sandbox"] if wanted.is_sandbox else []
    options += ["--accept-shrink"] if wanted.accepts_change else []
    with steps.step("load"):
        log_format = f"--log-format={wanted.log_format}"
        steps.run("sms", "extract", "load", log_format, *options)
        load = read_load(places.landing / LOADS / str(current_id(places.landing)))
        night.load = load.facts
    if places.store and held:
        with steps.step("push"):
            held.check()
            store.push(places.store, load.folder)


def _take_load(
    wanted: Wanted, load_id: str, places: Places, steps: Steps, night: Night
) -> None:
    """Take a load from the landing, or else from the store, and build that one.

    The builds see a landing in which it is current; the real one stays as it is.
    """
    with steps.step("take the load"):
        if not (places.landing / LOADS / load_id).is_dir():
            _pull_one(places, load_id)
        load = read_load(places.landing / LOADS / load_id)
        if load.is_held_back and not wanted.accepts_change:
            raise ContractError(
                f"load {load_id}: was held back, as it has far fewer subjects than the "
                "one before; --accept-change builds it nevertheless"
            )
        night.load = load.facts
        view = places.folder / VIEW
        make_folder(view)
        with storage(view):
            (view / LOADS).symlink_to(places.landing / LOADS)
            (view / CURRENT).symlink_to(Path(LOADS) / load_id)
        steps.environment["LANDING_DIR"] = str(view)


def _pull_one(places: Places, load_id: str) -> None:
    if places.store is None:
        raise ConfigError(
            f"there is no load {load_id} in {places.landing}, and {STORE} is not set"
        )
    store.pull_one(places.store, places.landing, load_id)


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
    variables: Mapping[str, Any],
    environment: Mapping[str, str],
    options: Sequence[str] = (),
) -> Build:
    """Build into a new database; write the run and do not promote it."""
    # YAML reads a date as a date; JSON has only its text.
    given = json.dumps({**variables, "promote": False}, default=str)
    if steps.log:
        options = (*options, "--log-format=json", "--no-use-colors")
    dbt = ("dbt", *options, "build", "--vars", given)
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
    wanted: Wanted, places: Places, steps: Steps, night: Night, manifest: Manifest
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
        # prod refuses a private root; the targets of dbt build the same.
        environment = {SUPPRESSIONS: "", "EXPORT_ROOT": str(again), ENVIRONMENT: DEV}
        build = _build(steps, database, wanted.variables, environment, ["--quiet"])
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


def _write(wanted: Wanted, places: Places, steps: Steps, night: Night) -> None:
    facts = {
        "mode": night.mode,
        "load_id": night.load.get("load_id"),
        "run_id": night.run_id,
        "is_promoted": night.is_promoted,
        "obstacle": None if night.is_promoted else night.obstacle,
        "trace_id": night.trace_id,
        "steps": [asdict(step) for step in night.steps],
    }
    text = render(night)
    written = {NIGHT: canonical(facts), SUMMARY: text.encode()}
    for name, content in written.items():
        write_private(places.folder / name, content)
    if wanted.summary:
        write_private(wanted.summary, written[SUMMARY])
    if steps.log:
        steps.log.info("summary", text=text)
    else:
        click.echo(f"\n{text}")
    if night.run_id:
        _keep_with_run(night.run_id, written)


def _keep_with_run(run_id: str, written: Mapping[str, bytes]) -> None:
    """Keep the summary with the run: a machine can be gone after its night."""
    try:
        for name, content in written.items():
            attach(export_root(), run_id, name, content)
    except CommandError as error:
        # The run itself is good without it.
        click.echo(f"Run {run_id} has no summary: {error}", err=True)

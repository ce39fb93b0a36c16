"""The dbt-duckdb plugin: Python functions for SQL (profiles.yml: `ops.plugin`).

All take and return VARCHAR. Pure, null in and null out:

    textable_phone(text, region)    E.164, or null: common.phones (rule R5)
    case_fold(text)                 Unicode case folding (rule R7)

With effects, a null argument is an error: publish.run has them in full.

    landing_hold(landing, load_id)              its folder, which nobody prunes now
    export_begin()                              version of current.json, or ''
    export_code_version()                       common.version
    export_staging_path(run_id, path)           absolute path to COPY to
    export_write(run_id, path, rows)            sha256 of the file
    export_finish(run_json, report_json)        JSON; a report however it ends
    export_report(report_json)                  address of report.html, or ''

An error becomes one line of dbt's: DuckDB puts the kind of error before it.
"""

import fcntl
import os
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import Any

import dbt.flags
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError
from duckdb import DuckDBPyConnection
from duckdb.func import SPECIAL

from audience.report.build import read_build
from audience.report.writing import write_report
from common.errors import CommandError, ConfigError, StorageError
from common.files import PRIVATE_FILE, storage_errors
from common.locks import hold
from common.phones import textable_phone
from common.version import code_version
from publish.run import export_begin, export_finish, export_staging_path, export_write

PRIVATE_UMASK = 0o077
VARCHAR = "VARCHAR"
# The load that a build of this process reads.
_held: list[int] = []


class Plugin(BasePlugin):
    """Registers the functions on every connection, whatever dbt's command is."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Keep what dbt and DuckDB write to their owner; no database is open yet."""
        os.umask(PRIVATE_UMASK)
        if self.creds is not None:
            _make_private(Path(self.creds.path))
        # dbt opened its log before it loaded this.
        flags = dbt.flags.get_flags()  # type: ignore[no-untyped-call]
        log_folder = getattr(flags, "LOG_PATH", None)
        if log_folder is not None:
            _make_private(Path(log_folder) / "dbt.log")

    def update_connection_config(
        self, creds: DuckDBCredentials, config: dict[str, Any]
    ) -> None:
        """Say in one line that another process has the database; it is opened next."""
        del config
        path = Path(creds.path)
        if path.is_file() and _is_open_elsewhere(path):
            raise DbtRuntimeError(
                f"{path}: another process has this database open, such as another "
                "build: try again when that is done, or set DUCKDB_PATH"
            )

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Register the functions; all cursors of the connection have them."""
        for name, function in PURE.items():
            _register(conn, name, _skipping_nulls(function), side_effects=False)
        for name, effect in {**WITH_EFFECTS, **_reporting(conn)}.items():
            _register(conn, name, _refusing_nulls(name, effect), side_effects=True)


@storage_errors
def _is_open_elsewhere(path: Path) -> bool:
    with path.open("r+b") as file:
        try:
            # As DuckDB locks it. Closing the file lets go.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return True
    return False


def _case_fold(text: str) -> str:
    return text.casefold()


def _export_write(run_id: str, path: str, rows: str) -> str:
    if not (rows.isascii() and rows.isdigit()):
        raise ConfigError("export_write: rows must be a whole number from 0")
    return export_write(run_id, path, int(rows))


def _export_code_version() -> str:
    return code_version()


def _landing_hold(landing: str, load_id: str) -> str:
    """Hold a load while the process lives, or until it takes another one."""
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


PURE: dict[str, Callable[..., str | None]] = {
    "textable_phone": textable_phone,
    "case_fold": _case_fold,
}
WITH_EFFECTS: dict[str, Callable[..., str]] = {
    "landing_hold": _landing_hold,
    "export_begin": export_begin,
    "export_code_version": _export_code_version,
    "export_staging_path": export_staging_path,
    "export_write": _export_write,
}


def _reporting(conn: DuckDBPyConnection) -> dict[str, Callable[..., str]]:
    """Return the functions that read the database, on a cursor of their own."""

    def finish(run_json: str, report_json: str) -> str:
        build = read_build(report_json)
        try:
            answer = export_finish(run_json)
        except CommandError as error:
            write_report(conn, replace(build, obstacle=str(error)))
            raise
        write_report(conn, build)
        return answer

    def report(report_json: str) -> str:
        return write_report(conn, read_build(report_json))

    return {"export_finish": finish, "export_report": report}


def _skipping_nulls(function: Callable[..., str | None]) -> Callable[..., str | None]:
    # DuckDB's own null handling forbids a function to return null.
    @wraps(function)
    def skipping(*texts: str | None) -> str | None:
        return None if None in texts else function(*texts)

    return skipping


def _refusing_nulls(name: str, function: Callable[..., str]) -> Callable[..., str]:
    # DuckDB's own null handling would not call it and say nothing.
    @wraps(function)
    def refusing(*texts: str | None) -> str:
        if None in texts:
            raise ConfigError(f"{name}: an argument is null")
        return function(*texts)

    return refusing


def _register(
    conn: DuckDBPyConnection,
    name: str,
    function: Callable[..., str | None],
    *,
    side_effects: bool,
) -> None:
    conn.create_function(
        name,
        function,
        [VARCHAR] * len(signature(function).parameters),
        VARCHAR,
        null_handling=SPECIAL,
        side_effects=side_effects,
    )


@storage_errors
def _make_private(path: Path) -> None:
    if path.is_file():
        path.chmod(PRIVATE_FILE)

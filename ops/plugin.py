"""The dbt-duckdb plugin: Python functions for SQL (profiles.yml: `ops.plugin`).

All take and return VARCHAR. Pure, null in and null out:

    textable_phone(text, region)    E.164, or null: common.phones (rule R5)
    case_fold(text)                 Unicode case folding (rule R7)

libphonenumber.common_number and libphonenumber.is_textable_number are SQL macros that
decide most phones as textable_phone does: ops.build.phones.

With effects; a null argument is an error. `invocation` is invocation_json:

    landing_open(landing)                       folder of the load that is read
    build_variables()                           JSON list of names (rule R11)
    build_suppressions(invocation)              ''
    build_begin(invocation, as_of_read)         ''
    build_files(invocation)                     JSON list of the run's files
    build_metadata(invocation, portal, audience) JSON: an audience's metadata
    build_end(invocation)                       JSON of export_finish, or ''
    export_staging_path(run_id, path)           absolute path to COPY to
    export_write(run_id, path, rows)            sha256 of the file
"""

import json
import os
from collections.abc import Callable
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import Any

import dbt.flags
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection
from duckdb.func import SPECIAL

from common.errors import CommandError, ConfigError
from common.files import PRIVATE_UMASK
from common.phones import textable_phone
from ops.build import hooks
from ops.build.database import check_database, limit_memory, make_private
from ops.build.facts import audience_metadata, run_files
from ops.build.invocation import read_invocation
from ops.build.landing import open_load
from ops.build.phones import phone_macros
from ops.build.plain import PlainError, show_errors_plainly
from ops.build.variables import VARIABLES
from publish.run import export_staging_path, export_write

VARCHAR = "VARCHAR"
PHONES = "libphonenumber"


class Plugin(BasePlugin):
    """Registers the functions on every connection, whatever dbt's command is."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Keep what dbt and DuckDB write to their owner; no database is open yet."""
        show_errors_plainly()
        os.umask(PRIVATE_UMASK)
        # dbt opened its log before it loaded this.
        flags = dbt.flags.get_flags()  # type: ignore[no-untyped-call]
        log_folder = getattr(flags, "LOG_PATH", None)
        try:
            if self.creds is not None:
                make_private(Path(self.creds.path))
            if log_folder is not None:
                make_private(Path(log_folder) / "dbt.log")
        except CommandError as error:
            raise PlainError(str(error)) from error

    def update_connection_config(
        self, creds: DuckDBCredentials, config: dict[str, Any]
    ) -> None:
        """Say in one line why the database cannot be opened; DuckDB opens it next."""
        del config
        try:
            check_database(creds.path)
        except CommandError as error:
            raise PlainError(str(error)) from error

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Limit the memory, and register the functions for all cursors."""
        try:
            limit_memory(conn)
        except CommandError as error:
            raise PlainError(str(error)) from error
        # A temporary macro would have to be made for the cursor of every model and
        # test, in 45 ms each; a database in memory is there for all of them.
        conn.execute(f"attach if not exists ':memory:' as {PHONES}")
        for statement in phone_macros(PHONES):
            conn.execute(statement)
        for name, function in PURE.items():
            _register(conn, name, _skipping_nulls(function), side_effects=False)
        for name, effect in {**WITH_EFFECTS, **_reading(conn)}.items():
            _register(conn, name, _refusing_nulls(name, effect), side_effects=True)


def _case_fold(text: str) -> str:
    return text.casefold()


def _build_variables() -> str:
    return json.dumps(list(VARIABLES))


def _export_write(run_id: str, path: str, rows: str) -> str:
    if not (rows.isascii() and rows.isdigit()):
        raise ConfigError("export_write: rows must be a whole number from 0")
    return export_write(run_id, path, int(rows))


PURE: dict[str, Callable[..., str | None]] = {
    "textable_phone": textable_phone,
    "case_fold": _case_fold,
}
WITH_EFFECTS: dict[str, Callable[..., str]] = {
    "landing_open": open_load,
    "build_variables": _build_variables,
    "export_staging_path": export_staging_path,
    "export_write": _export_write,
}


def _reading(conn: DuckDBPyConnection) -> dict[str, Callable[..., str]]:
    """Return the functions that use the database, each on a cursor of its own."""

    def begin(invocation: str, as_of_read: str) -> str:
        return hooks.begin(conn, invocation, as_of_read)

    def suppressions(invocation: str) -> str:
        return hooks.take_suppressions(conn, invocation)

    def end(invocation: str) -> str:
        return hooks.end(conn, invocation)

    def files(invocation: str) -> str:
        with conn.cursor() as cursor:
            return json.dumps(run_files(cursor, read_invocation(invocation)))

    def metadata(invocation: str, portal: str, audience: str) -> str:
        with conn.cursor() as cursor:
            build = read_invocation(invocation)
            return audience_metadata(cursor, build, portal, audience)

    return {
        "build_suppressions": suppressions,
        "build_begin": begin,
        "build_end": end,
        "build_files": files,
        "build_metadata": metadata,
    }


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

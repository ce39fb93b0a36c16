"""Open the databases that `dbt build` makes, read-only, and check what they hold."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from common.errors import DatabaseError

type Row = dict[str, Any]

TEXT = "VARCHAR"
FLAG = "BOOLEAN"
TIME = "TIMESTAMP"
WHOLE = "BIGINT"

SUBJECT_KEY = {"portal": TEXT, "job_uuid": TEXT, "subject_uuid": TEXT}
KEY = {**SUBJECT_KEY, "activity_uuid": TEXT}
# The 28 columns of an exported row; only `group` has another name in the database.
EXPORTED = dict.fromkeys(
    [
        *("portal", "job_uuid", "job_name", "subject_uuid", "external_id"),
        *("first_name", "last_name", "parent_name", "phone_number", "phone_number_2"),
        *("email", "email_2", "country", "group_name", "buyer", "access_code"),
        *("url", "custom_gallery_url", "sms_marketing_consent"),
        *("sms_marketing_timestamp", "sms_transactional_consent"),
        *("sms_transactional_timestamp", "activity_uuid", "activity_name"),
        *("registered_user", "registered_user_email", "registered_user_uuid"),
        "resolution_strategy",
    ],
    TEXT,
)
MEMBERS = "marts.audience_members"
BUILD = "run.build"
REASONS = "seeds.exclusion_reasons"
type Relations = Mapping[str, Mapping[str, str]]
# What `diff` and `explain` both read.
SHARED: Relations = {
    BUILD: {
        **dict.fromkeys(["run_id", "code_version", "variables", "load_id"], TEXT),
        "as_of": TIME,
        "has_passed": FLAG,
        "obstacle": TEXT,
    },
    REASONS: {
        **dict.fromkeys(["reason", "rule", "meaning", "remedy"], TEXT),
        "precedence": "INTEGER",
        "is_guarded": FLAG,
    },
    MEMBERS: {
        **EXPORTED,
        "audience": TEXT,
        "exclusion_reason": TEXT,
        "is_exported": FLAG,
    },
    "intermediate.int_candidate_reasons": {**KEY, "exclusion_reason": TEXT},
}
# DuckDB raises these for files that it cannot read to the end, or for lack of space.
DAMAGED = (duckdb.OperationalError, duckdb.InternalError, duckdb.FatalException)


@contextmanager
def open_databases(paths: Mapping[str, Path]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Attach databases read-only under their names; one file can have two names.

    DuckDB writes to a temporary folder only. Raise DatabaseError, also in the block,
    for a database that is missing, in use or damaged, or that lacks a table or column
    that a query needs.
    """
    with TemporaryDirectory() as swap, duckdb.connect() as connection:
        connection.execute("set autoinstall_known_extensions = false")
        connection.execute("set autoload_known_extensions = false")
        connection.execute("set temp_directory = ?", [swap])
        for name, path in paths.items():
            _attach(connection, name, path)
        try:
            yield connection
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            # The first line names the table or column, and no value.
            raise DatabaseError(
                f"{' and '.join(paths)}: another version of the project built it; "
                f"build again ({str(error).splitlines()[0]})"
            ) from error
        except DAMAGED as error:
            # Its text can quote rows.
            damaged = [name for name, path in paths.items() if not _is_readable(path)]
            raise DatabaseError(
                f"{' and '.join(damaged or paths)}: cannot be read to the end "
                f"({type(error).__name__})"
            ) from error


def _is_readable(path: Path) -> bool:
    """Return whether every table of a database can be read to its end."""
    try:
        with duckdb.connect(path, read_only=True) as connection:
            for schema, table in connection.execute(
                "select schema_name, table_name from duckdb_tables()"
            ).fetchall():
                found = connection.table(f'"{schema}"."{table}"')
                found.aggregate("max(columns(*))").fetchall()
    except DAMAGED:
        return False
    return True


def _attach(connection: duckdb.DuckDBPyConnection, name: str, path: Path) -> None:
    if path.is_dir():
        raise DatabaseError(f"{name}: {path} is a folder")
    if not path.is_file():
        raise DatabaseError(f"{name}: there is no file {path}")
    quoted = str(path.absolute()).replace("'", "''")
    try:
        connection.execute(f"attach '{quoted}' as {name} (type duckdb, read_only)")
    except duckdb.Error as error:
        raise DatabaseError(f"{name}: {path} {_unreadable(error)}") from error


def _unreadable(error: duckdb.Error) -> str:
    said = str(error)
    if "Could not set lock" in said:
        return "is in use, perhaps by a build: try again when that has ended"
    if "Permission denied" in said:
        return "cannot be read: permission denied"
    return "is not a DuckDB database, or it is damaged"


def check_relations(
    connection: duckdb.DuckDBPyConnection, name: str, relations: Relations
) -> None:
    """Raise DatabaseError if a table or a column is missing or has another type."""
    found = {
        (row["relation"], row["column_name"]): row["data_type"]
        for row in query(connection, "columns", {"database": name})
    }
    present = {relation for relation, _ in found}
    for relation, columns in relations.items():
        if relation not in present:
            raise DatabaseError(f"{name}: {relation} is missing")
        for column, expected in columns.items():
            data_type = found.get((relation, column))
            if data_type != expected:
                wrong = f"{data_type}, not {expected}" if data_type else "missing"
                raise DatabaseError(
                    f"{name}: {relation} is malformed: column {column} is {wrong}"
                )


def read_sql(file: str, **names: str) -> str:
    """Return a file of audience/sql with the names of databases filled in."""
    text = files("audience").joinpath("sql", f"{file}.sql").read_text("utf-8")
    for placeholder, name in names.items():
        text = text.replace("{{ " + placeholder + " }}", name)
    return text


def query(
    connection: duckdb.DuckDBPyConnection,
    file: str,
    variables: Mapping[str, object] | None = None,
    **names: str,
) -> list[Row]:
    """Return the rows of a query of audience/sql, which can read `variables`."""
    for variable, value in (variables or {}).items():
        connection.execute(f"set variable {variable} = ?", [value])
    cursor = connection.execute(read_sql(file, **names))
    columns = [column[0] for column in cursor.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]

"""What a database says of its build, and whether that can be relied on.

dbt leaves the tables of a build that failed or was stopped. `run.build`, which
macros/run/mark_build.sql writes, tells them from those that passed every contract.
"""

import json
from dataclasses import dataclass
from typing import Any

from duckdb import DuckDBPyConnection

from audience.databases import (
    BUILD,
    MEMBERS,
    REASONS,
    SHARED,
    Row,
    check_relations,
    query,
)
from common.errors import DatabaseError


@dataclass(frozen=True)
class Build:
    """The build that a database holds; without load and time where it failed.

    `as_of` is YYYY-MM-DDTHH:MM:SS.ffffffZ. `obstacle` says why the tables cannot be
    relied on; none where the whole build has passed.
    """

    run_id: str
    code_version: str
    variables: dict[str, Any]
    load_id: str | None
    as_of: str | None
    obstacle: str | None


def read_build(connection: DuckDBPyConnection, name: str) -> Build:
    """Read run.build of an attached database; DatabaseError where it is malformed."""
    check_relations(connection, name, {BUILD: SHARED[BUILD]})
    rows = query(connection, "build", build=name)
    if len(rows) != 1:
        raise DatabaseError(f"{name}: {BUILD} is malformed: rows: {len(rows)}")
    variables = _variables(rows[0])
    if variables is None or not _agrees(rows[0]):
        raise DatabaseError(f"{name}: {BUILD} is malformed")
    fields = {key: value for key, value in rows[0].items() if key != "has_passed"}
    return Build(**{**fields, "variables": variables})


def _variables(row: Row) -> dict[str, Any] | None:
    try:
        variables = json.loads(row["variables"] or "")
    except ValueError:
        return None
    is_whole = isinstance(variables, dict) and "audience" in variables
    return variables if is_whole else None


def _agrees(row: Row) -> bool:
    """Whether all that a build knows is there, by how it ended."""
    known = [row["run_id"], row["code_version"]]
    if row["has_passed"]:
        known += [row["load_id"], row["as_of"]]
    is_explained = row["has_passed"] == (row["obstacle"] is None)
    return row["has_passed"] is not None and is_explained and all(known)


def check_passed(name: str, build: Build) -> None:
    """Raise DatabaseError for a build that failed or has not finished."""
    if build.obstacle is not None:
        raise DatabaseError(
            f"{name}: run {build.run_id} is no whole build that has passed: "
            f"{build.obstacle}"
        )


def check_members(connection: DuckDBPyConnection, name: str) -> None:
    """Raise DatabaseError where the marts or the reasons are not what they must be."""
    found = query(connection, "malformed", build=name)[0]
    if not found["reasons"]:
        raise DatabaseError(f"{name}: {REASONS} is empty")
    if not found["members"]:
        raise DatabaseError(f"{name}: {MEMBERS} is empty")
    if found["broken"]:
        raise DatabaseError(
            f"{name}: {MEMBERS} is malformed: rows without a key, an audience or a "
            f"fate that {REASONS} knows: {found['broken']}"
        )
    if found["repeated"]:
        raise DatabaseError(
            f"{name}: {MEMBERS} is malformed: keys of portal, job, activity and "
            f"subject that come more than once: {found['repeated']}"
        )


def variable_text(value: object) -> str:
    """Return a variable in words; of a list only how long: it can be of names."""
    if isinstance(value, list):
        return f"{len(value)} values" if value else "all"
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)

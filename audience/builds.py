"""The build that a database holds, and whether its tables can be trusted.

dbt leaves tables behind when a build fails or is stopped. `run.build`, which
macros/run/mark_build.sql writes, says whether every contract passed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from duckdb import DuckDBPyConnection

from audience.databases import (
    BUILD,
    MEMBERS,
    REASONS,
    SHARED,
    check_relations,
    query,
)
from common.errors import DatabaseError

CONTACTS = {"phone": "phone", "email": "e-mail", "any": "phone or e-mail"}


@dataclass(frozen=True)
class Build:
    """The build that a database holds. A failed one has no load and no time.

    `as_of` is YYYY-MM-DDTHH:MM:SS.ffffffZ. `obstacle` says why the tables cannot be
    trusted; it is None when the whole build passed.
    """

    run_id: str
    code_version: str
    variables: dict[str, Any]
    load_id: str | None
    as_of: str | None
    obstacle: str | None


def read_build(connection: DuckDBPyConnection, name: str) -> Build:
    """Read run.build of an attached database; raise DatabaseError if malformed."""
    check_relations(connection, name, {BUILD: SHARED[BUILD]})
    rows = query(connection, "build", build=name)
    if len(rows) != 1:
        raise DatabaseError(f"{name}: {BUILD} is malformed: rows: {len(rows)}")
    [row] = rows
    if not row.pop("is_whole"):
        raise DatabaseError(f"{name}: {BUILD} is malformed")
    return Build(**row | {"variables": json.loads(row["variables"])})


def check_passed(name: str, build: Build) -> None:
    """Raise DatabaseError for a build that failed or has not finished."""
    if build.obstacle is not None:
        raise DatabaseError(
            f"{name}: run {build.run_id} is not a complete build that passed: "
            f"{build.obstacle}"
        )


def check_members(connection: DuckDBPyConnection, name: str) -> None:
    """Raise DatabaseError where the members or the reasons are malformed."""
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
            f"subject that occur more than once: {found['repeated']}"
        )


def in_words(text: str, variables: Mapping[str, Any]) -> str:
    """Return a text of the reasons' seed with what `contact_filter` asks for."""
    contact = CONTACTS.get(variables.get("contact_filter", "any"), CONTACTS["any"])
    return text.replace("{contact}", contact)


def variable_text(name: str, value: object) -> str:
    """Return a variable in words. Most lists are only counted: they can hold names."""
    if name == "contact_routes" and isinstance(value, list):
        return " > ".join(map(str, value))
    if isinstance(value, list):
        return f"{len(value)} values" if value else "all"
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)

"""Databases as a build leaves them, with only what `sms audience diff` reads."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from audience.databases import MEMBERS, REASONS
from audience.diff import COMPARED

SEED = Path(__file__).parents[2] / "seeds" / "exclusion_reasons.csv"
LOAD_ID = "20261120T010203000000Z-0123abcd"
AS_OF = "2026-11-20 01:02:03"
MARKER = {
    "run_id": "20261120T020304000000Z-89abcdef",
    "code_version": "0.1.0",
    "variables": '{"audience": "both"}',
    "load_id": LOAD_ID,
    "as_of": AS_OF,
    "has_passed": True,
    "obstacle": None,
}
type Values = Mapping[str, Any]


def member(**values: Any) -> dict[str, Any]:
    """Return an exported non-buyer; `values` replace its own.

    `reason` is its exclusion reason.
    """
    reason = values.pop("reason", None)
    audience = values.get("audience", "non_buyers")
    return {
        "portal": "north",
        "job_uuid": "j1",
        "activity_uuid": "a1",
        "subject_uuid": "s1",
        "phone_number": "+12025550101",
        "buyer": "Yes" if audience == "buyers" else "No",
        "audience": audience,
        "exclusion_reason": reason,
        "is_exported": reason is None,
        **values,
    }


def write_build(
    path: Path,
    members: Iterable[Values],
    *,
    marker: Values | None = None,
    variables: Values | None = None,
    hidden_reasons: Sequence[Values] = (),
    routes: Sequence[Values] = (),
) -> Path:
    """Write a database of these members; `marker` changes what run.build says.

    Each member's reason is in int_candidate_reasons, with `hidden_reasons`.
    """
    members = list(members)
    about = {**MARKER, **(marker or {})}
    if variables is not None:
        about["variables"] = json.dumps({"audience": "both", **variables})
    own = [
        {name: row[name] for name in COMPARED["intermediate.int_candidate_reasons"]}
        for row in members
        if row["exclusion_reason"]
    ]
    with duckdb.connect(path) as connection:
        connection.begin()
        create_relations(connection)
        insert(connection, "run.build", [about])
        insert(connection, MEMBERS, members)
        insert(
            connection, "intermediate.int_candidate_reasons", [*own, *hidden_reasons]
        )
        insert(connection, "intermediate.int_route_suppressions", routes)
        connection.commit()
    return path


def create_relations(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every relation, empty except the reasons of the seed."""
    for relation, columns in COMPARED.items():
        connection.execute(f"create schema if not exists {relation.split('.')[0]}")
        typed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        connection.execute(f"create table {relation} ({typed})")
    connection.execute(f"alter table {REASONS} add column label varchar")
    connection.execute(
        f"insert into seeds.exclusion_reasons by name from read_csv('{SEED}')"
    )


def insert(
    connection: duckdb.DuckDBPyConnection, relation: str, rows: Iterable[Values]
) -> None:
    """Insert rows; columns that they leave out are null."""
    for row in rows:
        names, places = ", ".join(row), ", ".join("?" * len(row))
        connection.execute(
            f"insert into {relation} ({names}) values ({places})", list(row.values())
        )

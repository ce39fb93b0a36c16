"""Compare two builds of one load: who is texted by one and not by the other.

The words that `sms audience diff` uses:

    texted        a candidate is texted by a build that exports it into a file
    phone         the `phone_number` of a texted candidate; `phone_number_2` gets no
                  text. A phone counts once in a portal, however many rows it has: two
                  portals are two senders
    newly texted  a phone that head texts in a portal, in either audience, and base
                  does not; no longer texted: the reverse
    entering      a candidate that head texts and base does not; leaving: the reverse;
                  switching: both text it, in different audiences; changed: both text
                  it in the same audience, but a value differs; moved: neither texts
                  it, for different reasons or in different audiences
    fate          `exported`, an exclusion reason (R13), `not_written` (exported by the
                  rules, but the variable `audience` leaves its file out), or
                  `no_candidate` (the build has no such candidate)
"""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection

from audience.builds import (
    Build,
    check_members,
    check_passed,
    in_words,
    read_build,
    variable_text,
)
from audience.databases import (
    FLAG,
    SHARED,
    SUBJECT_KEY,
    TEXT,
    Relations,
    Row,
    check_relations,
    open_databases,
    query,
    read_sql,
)
from common.errors import DatabaseError

type Document = dict[str, Any]

COMPARED: Relations = {
    **SHARED,
    "intermediate.int_route_suppressions": {
        **SUBJECT_KEY,
        "channel": TEXT,
        "address": TEXT,
        "is_suppressed": FLAG,
    },
}
SIDES = ("base", "head")
ROWS = ("entering", "leaving", "switching_in", "switching_out", "changed", "moved")
PHONES = ("newly_texted", "no_longer_texted", "switching_in", "switching_out")
PERCENT = 100


def compare(
    base: Path, head: Path, *, max_change: Fraction | None = None, examples: int = 0
) -> Document:
    """Compare two databases; return the document that --json writes.

    schemas/diff.schema.json describes it. `max_change` is in percent. Raise
    DatabaseError where the two cannot be compared.
    """
    with open_databases(dict(zip(SIDES, (base, head), strict=True))) as connection:
        builds = [_checked_build(connection, name) for name in SIDES]
        _check_same("load", [build.load_id for build in builds])
        _check_same("as_of", [build.as_of for build in builds])
        for name in SIDES:
            check_members(connection, name)
        _pair(connection)
        return _document(connection, builds, max_change, examples)


def has_failed(document: Document) -> bool:
    """Return whether a guard has failed."""
    return any(guard["has_failed"] for guard in document["guards"].values())


def _checked_build(connection: DuckDBPyConnection, name: str) -> Build:
    build = read_build(connection, name)
    check_passed(name, build)
    check_relations(connection, name, COMPARED)
    return build


def _check_same(what: str, values: Sequence[str | None]) -> None:
    if values[0] != values[1]:
        raise DatabaseError(
            f"base and head differ in {what}: {values[0]} and {values[1]}"
        )


def _pair(connection: DuckDBPyConnection) -> None:
    """Create the tables that every count comes from."""
    connection.execute(read_sql("differ"))
    for name in SIDES:
        members = read_sql("members", build=name)
        connection.execute(f"create temp view {name}_members as {members}")
    for table in ("fates", "pairs", "phones"):
        connection.execute(read_sql(table))


def _document(
    connection: DuckDBPyConnection,
    builds: Sequence[Build],
    max_change: Fraction | None,
    examples: int,
) -> Document:
    base, head = builds
    audiences = _audiences(connection)
    moves = query(connection, "moves", {"examples": examples})
    return {
        "is_comparable": True,
        "obstacle": None,
        "load_id": base.load_id,
        "as_of": base.as_of,
        "base": {"run_id": base.run_id, "code_version": base.code_version},
        "head": {"run_id": head.run_id, "code_version": head.code_version},
        "labels": {
            row["reason"]: in_words(row["label"], head.variables)
            for row in query(connection, "labels", build="head")
        },
        "variables": _other_variables(base.variables, head.variables),
        "newly_texted": sum(move["newly_texted"] for move in moves),
        "no_longer_texted": sum(move["no_longer_texted"] for move in moves),
        "audiences": audiences,
        "moves": moves,
        "guards": {
            "refusals": _refusals(connection),
            "max_change": _max_change(audiences, max_change),
        },
    }


def _audiences(connection: DuckDBPyConnection) -> list[Row]:
    changed: dict[tuple[str, str], dict[str, int]] = {}
    for row in query(connection, "changed_columns"):
        columns = changed.setdefault((row["portal"], row["audience"]), {})
        columns[row["column_name"]] = row["rows_changed"]
    return [
        _audience(row, changed.get((row["portal"], row["audience"]), {}))
        for row in query(connection, "audiences")
    ]


def _audience(row: Row, changed_columns: dict[str, int]) -> Row:
    audience = {
        "portal": row["portal"],
        "audience": row["audience"],
        "candidates": {side: row[f"{side}_candidates"] for side in SIDES},
        "rows": {side: row[f"{side}_rows"] for side in SIDES}
        | {name: row[f"rows_{name}"] for name in ROWS},
        "phones": {side: row[f"{side}_phones"] for side in SIDES}
        | {name: row[f"phones_{name}"] for name in PHONES},
        "changed_columns": changed_columns,
    }
    percent = _percent(changed_phones(audience), row["base_phones"])
    return {**audience, "change_percent": percent}


def _percent(part: int, whole: int) -> float | None:
    """Return a percentage with two decimals; None for a part of nothing."""
    if not whole:
        return None if part else 0.0
    return round(PERCENT * part / whole, 2)


def _refusals(connection: DuckDBPyConnection) -> Row:
    found = query(connection, "refusals")
    candidates = sum(row["candidates"] for row in found)
    return {"has_failed": candidates > 0, "candidates": candidates, "reasons": found}


def _max_change(audiences: Sequence[Row], limit: Fraction | None) -> Row:
    exceeded = [
        {
            "portal": audience["portal"],
            "audience": audience["audience"],
            "phones": audience["phones"]["base"],
            "changed": changed,
        }
        for audience in audiences
        if limit is not None
        and (changed := changed_phones(audience))
        and changed * PERCENT > limit * audience["phones"]["base"]
    ]
    return {
        "has_failed": bool(exceeded),
        "limit_percent": None if limit is None else float(limit),
        "exceeded": exceeded,
    }


def changed_phones(audience: Row) -> int:
    """Return how many phones come onto an audience's list or leave it."""
    phones: dict[str, int] = audience["phones"]
    return sum(number for name, number in phones.items() if name not in SIDES)


def _other_variables(base: dict[str, Any], head: dict[str, Any]) -> list[Row]:
    return [
        {
            "name": name,
            "base": variable_text(name, base.get(name)),
            "head": variable_text(name, head.get(name)),
        }
        for name in sorted({*base, *head})
        if base.get(name) != head.get(name)
    ]

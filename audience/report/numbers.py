"""The numbers of a build, read from its database by the queries of report/sql."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from duckdb import DuckDBPyConnection

type Row = dict[str, Any]


@dataclass(frozen=True)
class Funnel:
    """From landed subjects to texted phones; each is a count.

    landed - in_details_only - of_jobs_off_sale = subjects; candidates are one a
    subject and activity; exported - without_phone - phones is how many rows repeat
    another row's phone.
    """

    landed: int
    in_details_only: int
    of_jobs_off_sale: int
    subjects: int
    candidates: int
    exported: int
    without_phone: int
    phones: int


@dataclass(frozen=True)
class Reason:
    """Why candidates are left out, and how many of each audience."""

    reason: str
    meaning: str
    buyers: int
    non_buyers: int


@dataclass(frozen=True)
class Portal:
    """A portal's candidates, its exported rows by audience, its distinct phones."""

    portal: str
    candidates: int
    buyers: int
    non_buyers: int
    phones: int


@dataclass(frozen=True)
class Job:
    """A job's subjects: who can be reached, and who has bought nothing."""

    portal: str
    job_uuid: str
    job_name: str | None
    subjects: int
    reachable: int
    unsold: int


@dataclass(frozen=True)
class PortalLoad:
    """What a load asked a portal for; None where load.json does not say."""

    portal: str
    requests: int | None
    asked_keys: int | None
    carried_keys: int | None
    asked_users: int | None
    carried_users: int | None


@dataclass(frozen=True)
class Numbers:
    """What a build's marts say."""

    as_of: str
    funnel: Funnel
    reasons: list[Reason]
    portals: list[Portal]
    jobs: list[Job]


def read_numbers(
    connection: DuckDBPyConnection, audiences: Sequence[str]
) -> Numbers | None:
    """Read the numbers of a build that has made its marts and writes `audiences`.

    None where it was built from no row at all.
    """
    run = _query(connection, "run")
    if not run:
        return None
    connection.execute("set variable audiences = ?", [list(audiences)])
    connection.execute(_text("members"))
    [funnel] = _query(connection, "funnel")
    return Numbers(
        **run[0],
        funnel=Funnel(**funnel),
        reasons=[Reason(**row) for row in _query(connection, "reasons")],
        portals=[Portal(**row) for row in _query(connection, "portals")],
        jobs=[Job(**row) for row in _query(connection, "jobs")],
    )


def read_load(connection: DuckDBPyConnection) -> list[PortalLoad]:
    """Read what the load at hand says of its portals, from its load.json."""
    return [PortalLoad(**row) for row in _query(connection, "load")]


def _query(connection: DuckDBPyConnection, name: str) -> list[Row]:
    cursor = connection.execute(_text(name))
    columns = [column[0] for column in cursor.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def _text(name: str) -> str:
    return files("audience.report").joinpath("sql", f"{name}.sql").read_text("utf-8")

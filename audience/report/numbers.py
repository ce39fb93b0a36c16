"""The numbers of a build, read from its database by audience/sql/report."""

from typing import Any

from duckdb import DuckDBPyConnection

from audience.databases import query
from audience.report.build import Build

type Numbers = dict[str, Any]

MEMBERS = "audience_members"
# The lists of a report, and the mart that each is read from.
LISTS = {
    "reasons": MEMBERS,
    "portals": MEMBERS,
    "consents": "audience_evidence",
    "unknown_words": "audience_unknown_words",
    "jobs": MEMBERS,
}


def read_numbers(connection: DuckDBPyConnection, build: Build) -> Numbers | None:
    """Return a build's numbers, None if it made no members or had no row at all.

    These are `as_of`, the counts of the `funnel`, and the rows of each of LISTS, none
    if the build did not make its mart. The queries say what a row is.
    """
    if not build.has_made(MEMBERS):
        return None
    run = query(connection, "report/run")
    if not run:
        return None
    query(connection, "report/members", {"audiences": list(build.audiences)})
    [funnel] = query(connection, "report/funnel")
    lists = {
        name: query(connection, f"report/{name}") if build.has_made(mart) else []
        for name, mart in LISTS.items()
    }
    return {**run[0], "funnel": funnel, **lists}

"""What a build does at its start and its end; dbt's hooks call these as SQL functions.

`run.build`, one row, says which build the tables of a database are from, and whether
they can be relied on: dbt leaves the tables of a failed build as well.
"""

import json
from dataclasses import asdict, replace

import duckdb
from dbt_common.events.functions import fire_event
from dbt_common.events.types import Note
from dbt_common.ui import red
from duckdb import DuckDBPyConnection

from audience.report.build import Build
from audience.report.writing import write_report
from common.errors import CommandError, StorageError
from common.text import MARGIN
from common.version import code_version
from extract.portals import read_portals
from ops.build import suppressions
from ops.build.facts import AS_OF, audience_counts, counted_files
from ops.build.invocation import (
    CHANGES_TABLES,
    READS_LANDING,
    WRITES_FILES,
    Invocation,
    read_invocation,
)
from ops.build.variables import check_variables, everything, filters, recorded
from publish.production import check_code, check_root
from publish.run import export_begin, export_finish
from publish.settings import export_root

MARK = """
    create or replace table run.build as
    select
        cast($run_id as varchar) as run_id,
        cast($code_version as varchar) as code_version,
        cast($variables as varchar) as variables,
        cast(null as varchar) as load_id,
        cast(null as timestamp) as as_of,
        false as has_passed,
        'it has not finished' as obstacle
"""
MARK_PASSED = """
    update run.build set
        load_id = int_run.load_id,
        as_of = int_run.as_of,
        has_passed = true,
        obstacle = null
    from intermediate.int_run as int_run
"""


def take_suppressions(conn: DuckDBPyConnection, invocation_json: str) -> str:
    """Record the list of a build, and say who is suppressed."""
    build = read_invocation(invocation_json)
    with conn.cursor() as cursor:
        if build.command in WRITES_FILES:
            check_root(export_root(), build.environment)
            taken = suppressions.take(cursor, build)
            _say(red(taken.text) if taken.is_missing else taken.text)
            if build.promotes:
                check_code(build.environment)
        elif build.command in READS_LANDING:
            suppressions.keep(cursor)
    return ""


def begin(conn: DuckDBPyConnection, invocation_json: str, as_of_read: str) -> str:
    """Check the portals and variables, prepare the export root, and mark the tables.

    `as_of_read` is the variable `as_of` as SQL reads it, '' if it cannot.
    """
    build = read_invocation(invocation_json)
    with conn.cursor() as cursor:
        if build.command in READS_LANDING:
            known = _known(cursor, build) | {
                "as_of": [as_of_read] if as_of_read else []
            }
            check_variables(build.variables, build.given, known)
        if build.command in WRITES_FILES:
            export_begin()
        if build.command in CHANGES_TABLES:
            cursor.execute("create schema if not exists run")
            marker = {
                "run_id": build.run_id,
                "code_version": code_version(),
                "variables": json.dumps(filters(build.variables), sort_keys=True),
            }
            cursor.execute(MARK, marker)
    return ""


def _known(cursor: DuckDBPyConnection, build: Invocation) -> dict[str, list[str]]:
    known = {"portals": sorted(portal.key for portal in read_portals())}
    if build.variables["job_uuids"]:
        rows = cursor.execute("select distinct job_uuid from landing.jobs").fetchall()
        known["job_uuids"] = sorted(job.strip(MARGIN) for (job,) in rows if job)
    return known


def end(conn: DuckDBPyConnection, invocation_json: str) -> str:
    """Mark the tables, then finish the run and promote it, or say why not."""
    build = read_invocation(invocation_json)
    obstacle = build.obstacle()
    if build.command in CHANGES_TABLES:
        with conn.cursor() as cursor:
            if obstacle:
                cursor.execute("update run.build set obstacle = ?", [obstacle])
            else:
                cursor.execute(MARK_PASSED)
    if build.command not in WRITES_FILES:
        return ""
    if not obstacle:
        return _finish(conn, build)
    _say(f"Run {build.run_id} is not promoted: {obstacle}.")
    if build.is_whole_build:
        write_report(conn, _reported(conn, build, obstacle))
    return ""


def _finish(conn: DuckDBPyConnection, build: Invocation) -> str:
    action = (
        "auditing and promoting it."
        if build.variables["promote"]
        else "auditing it; it is not promoted (promote is false)."
    )
    _say(f"Run {build.run_id} has passed every contract: {action}")
    report = _reported(conn, build, "")
    with conn.cursor() as cursor:
        load_id, as_of = cursor.execute(AS_OF).fetchall()[0]
        facts = {
            "run_id": build.run_id,
            "load_id": load_id,
            "as_of": as_of,
            "code_version": code_version(),
            "variables": recorded(build.variables),
            "files": counted_files(cursor, build),
            "counts": audience_counts(cursor),
            "promote": build.variables["promote"],
        }
        if report.suppressions is not None:
            facts["suppressions"] = asdict(report.suppressions)
    try:
        summary = export_finish(json.dumps(facts))
    except CommandError as error:
        write_report(conn, replace(report, obstacle=str(error)))
        raise
    write_report(conn, report)
    return summary


def _reported(conn: DuckDBPyConnection, build: Invocation, obstacle: str) -> Build:
    with conn.cursor() as cursor:
        load_id = _load_id(cursor)
        decided_by = suppressions.facts(cursor, build)
    return Build(
        run_id=build.run_id,
        load_id=load_id,
        code_version=code_version(),
        obstacle=obstacle,
        variables=everything(build.variables),
        left_out=build.left_out(),
        results=tuple(build.results.values()),
        suppressions=decided_by,
    )


def _load_id(cursor: DuckDBPyConnection) -> str:
    try:
        rows = cursor.execute("select load_id from landing.loads").fetchall()
    except duckdb.Error as error:
        # DuckDB's messages can quote the file.
        raise StorageError(
            f"the load that was built cannot be read any more ({type(error).__name__})"
        ) from None
    return str(rows[0][0])


def _say(text: str) -> None:
    fire_event(Note(msg=text))

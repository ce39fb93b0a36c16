"""Write a run's report beside its files, after the run has ended.

The report is not part of the run: the manifest does not list it and no consumer reads
it. It comes after the promotion, so it can say how that ended, and a failure to write
it does not fail the run.
"""

from contextlib import suppress

import duckdb
from dbt_common.events.base_types import EventLevel
from dbt_common.events.functions import fire_event
from dbt_common.events.types import Note

from audience.databases import query
from audience.report.build import Build
from audience.report.numbers import read_numbers
from audience.report.page import Facts, render
from audience.report.trend import read_trend
from common.errors import CommandError, ContractError
from publish.attaching import attach
from publish.history import promoted_runs
from publish.layout import REPORT, run_key
from publish.manifest import RunFile
from publish.promotion import load_current, load_manifest
from publish.root import Root
from publish.settings import export_root


def write_report(connection: duckdb.DuckDBPyConnection, build: Build) -> str:
    """Write report.html into a run that has ended; return its address, or ''.

    The numbers are read on a separate cursor, because `connection` can be in the middle
    of a query. If storage or database fail, dbt's log gets a warning.
    """
    try:
        with connection.cursor() as cursor:
            address = _write(export_root(), cursor, build)
    except (CommandError, duckdb.Error) as error:
        # DuckDB's messages can quote rows.
        why = str(error) if isinstance(error, CommandError) else type(error).__name__
        _say(f"Run {build.run_id} has no report: {why}", EventLevel.WARN)
        return ""
    _say(f"Report: {address}", EventLevel.INFO)
    return address


def _write(root: Root, connection: duckdb.DuckDBPyConnection, build: Build) -> str:
    promoted = _promoted(root)
    page = render(
        Facts(
            build=build,
            promoted=promoted,
            was_promoted=build.run_id in (promoted, *promoted_runs(root)),
            numbers=read_numbers(connection, build),
            load=query(connection, "report/load"),
            files=_files(root, build.run_id),
            trend=read_trend(root, build.run_id),
        )
    )
    attach(root, build.run_id, REPORT, page)
    return root.address(run_key(build.run_id, REPORT))


def _promoted(root: Root) -> str | None:
    with suppress(ContractError):
        current = load_current(root)
        return None if current is None else current.run_id
    return None


def _files(root: Root, run_id: str) -> tuple[RunFile, ...] | None:
    with suppress(ContractError):
        return load_manifest(root, run_id)[0].files
    return None


def _say(text: str, level: EventLevel) -> None:
    fire_event(Note(msg=text), level=level)

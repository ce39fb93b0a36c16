"""Whether a load has far fewer subjects than the portal had before.

A portal that answers every request but has lost most of its subjects causes no error.
So each portal of a load is compared with the newest full load.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from structlog.typing import FilteringBoundLogger

from common.locks import reading
from extract.landing import Load, quoted

SANDBOX = "sandbox:"


@dataclass(frozen=True)
class Comparison:
    """What a load is compared with: the complete loads, newest first.

    If `jobs` are given, only their subjects count.
    """

    engine: duckdb.DuckDBPyConnection
    loads: Sequence[Load]
    jobs: frozenset[str]
    min_ratio: float
    log: FilteringBoundLogger


def find_shrunk(
    this: Comparison, folder: Path, sources: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """Return the portals that have less than `min_ratio` of their earlier subjects.

    `folder` has the new load. The facts of each portal are `subjects`, `before`, and
    the `load_id` of the earlier load.
    """
    shrunk = {}
    for key, source in sources.items():
        now = _subjects(this, folder / f"portal={key}")
        found = _before(this, key, source)
        if found and now < this.min_ratio * found[1]:
            shrunk[key] = {"subjects": now, "before": found[1], "load_id": found[0]}
    return shrunk


def shrink_message(load_id: str, shrunk: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the message that counts the subjects and names the command to accept."""
    portals = "; ".join(
        f"portal {key}: {fact['subjects']} subjects on the order lists, where load "
        f"{fact['load_id']} has {fact['before']}"
        for key, fact in shrunk.items()
    )
    return (
        f"{portals}. Load {load_id} is landed but not current; if its numbers are "
        f"right, `sms extract accept {load_id}` makes it so"
    )


def _before(this: Comparison, key: str, source: str) -> tuple[str, int] | None:
    """Return the newest full load of the portal, and its number of subjects."""
    for load in this.loads:
        facts = load.portal(key)
        if not (facts and load.is_full and _is_same(facts.get("source"), source)):
            continue
        try:
            with reading(load.folder) as is_there:
                if is_there:
                    return load.load_id, _subjects(this, load.files(key))
        except duckdb.Error as error:
            reason = f"subjects.parquet cannot be read ({type(error).__name__})"
            this.log.warning(
                "load_not_used", portal=key, load_id=load.load_id, reason=reason
            )
    return None


def _is_same(before: object, now: str) -> bool:
    """Return whether it is the same portal; a real one may have moved."""
    made_up = [str(one).startswith(SANDBOX) for one in (before, now)]
    return before == now or not any(made_up)


def _subjects(this: Comparison, folder: Path) -> int:
    """Return the number of subjects on the order lists, each once in a job."""
    file = quoted(folder / "subjects.parquet")
    counted = this.engine.execute(
        "select count(*) from (select distinct job_uuid, subject_uuid "  # noqa: S608
        f"from read_parquet({file}, hive_partitioning = false) "
        "where listed_in in ('buyers', 'non_buyers') "
        "and (len($1) = 0 or job_uuid in (select unnest($1))))",
        [sorted(this.jobs)],
    ).fetchone()
    return int(counted[0]) if counted else 0

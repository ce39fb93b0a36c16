"""What a built database says of a run: its files, its counts and their metadata."""

import json
from typing import Any

from duckdb import DuckDBPyConnection

from common.text import MARGIN
from ops.build.invocation import Invocation
from ops.build.variables import filters
from publish.fields import Json
from publish.layout import AUDIENCES, EVIDENCE, EXCLUSIONS, RUN_SUPPRESSIONS

# The files that belong to no portal, and the models that they are written from.
RUN_MODELS = {
    EXCLUSIONS: "export_exclusions",
    EVIDENCE: "export_evidence",
    RUN_SUPPRESSIONS: "export_suppressions",
}
AS_OF = (
    "select load_id, strftime(as_of, '%Y-%m-%dT%H:%M:%SZ') from intermediate.int_run"
)


def run_files(cursor: DuckDBPyConnection, build: Invocation) -> list[dict[str, Json]]:
    """Return the files of a run: those of RUN_MODELS, and each portal's audiences."""
    asked = [str(portal).strip(MARGIN) for portal in build.variables["portals"]]
    chosen = build.variables["audience"]
    query = "select distinct portal from marts.audience_summary order by portal"
    return [
        *({"path": path, "format": "csv"} for path in RUN_MODELS),
        *(
            {
                "path": f"{portal}/{audience}.{file_format}",
                "portal": portal,
                "audience": audience,
                "format": file_format,
            }
            for (portal,) in cursor.execute(query).fetchall()
            if not asked or portal in asked
            for audience in AUDIENCES
            if chosen in ("both", audience)
            for file_format in build.variables["export_formats"]
        ),
    ]


def counted_files(
    cursor: DuckDBPyConnection, build: Invocation
) -> list[dict[str, Json]]:
    """Return the files of a run with the rows that each must have."""
    rows = {
        (portal, audience): count
        for portal, audience, count in cursor.execute(
            "select portal, audience, count(*) from exports.export_contacts"
            " group by portal, audience"
        ).fetchall()
    }
    whole = {
        path: cursor.table(f"exports.{model}").count("*").fetchall()[0][0]
        for path, model in RUN_MODELS.items()
    }
    return [
        {
            **file,
            "rows": rows.get((file["portal"], file["audience"]), 0)
            if "portal" in file
            else whole[str(file["path"])],
        }
        for file in run_files(cursor, build)
    ]


def audience_counts(cursor: DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return the candidates of each portal and audience, by fate."""
    counts: dict[tuple[str, str], dict[str, Any]] = {}
    query = (
        "select portal, audience, fate, candidates from marts.audience_summary"
        " order by portal, audience, fate"
    )
    for portal, audience, fate, candidates in cursor.execute(query).fetchall():
        empty = {
            "portal": portal,
            "audience": audience,
            "candidates": 0,
            "exported": 0,
            "excluded": {},
        }
        count = counts.setdefault((portal, audience), empty)
        count["candidates"] += candidates
        if fate == "exported":
            count["exported"] = candidates
        else:
            count["excluded"][fate] = candidates
    return list(counts.values())


def audience_metadata(
    cursor: DuckDBPyConnection, build: Invocation, portal: str, audience: str
) -> str:
    """Return the `metadata` of an audience's JSON file, as JSON."""
    of_audience = "from marts.audience_members where portal = ? and audience = ?"
    job_ids, subjects, contacts = cursor.execute(
        "select coalesce(list(distinct job_uuid order by job_uuid), []),"
        " count(distinct (job_uuid, subject_uuid)),"
        f" count(*) filter (where is_exported) {of_audience}",
        [portal, audience],
    ).fetchall()[0]
    excluded = cursor.execute(
        f"select exclusion_reason, count(*) {of_audience} and not is_exported"
        " group by exclusion_reason order by exclusion_reason",
        [portal, audience],
    ).fetchall()
    load_id, as_of = cursor.execute(AS_OF).fetchall()[0]
    metadata = {
        "portal": portal,
        "audience": audience,
        "load_id": load_id,
        "job_ids": job_ids,
        "filters_applied": dict(sorted(filters(build.variables).items())),
        "total_subjects": subjects,
        "contacts": contacts,
        "excluded": dict(excluded),
        "generated_at": as_of,
    }
    return json.dumps(metadata, ensure_ascii=False, separators=(",", ":"))

"""The report that a build leaves: its sums are the database's, and it stays private."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.e2e.project import Project, read_json
from tests.e2e.test_rules import CHOICES
from tests.report.reading import Read, read_report

Built = Callable[[Mapping[str, Any]], Project]


def report(run: Path) -> Read:
    """The report of a run."""
    return read_report((run / "report.html").read_text(encoding="utf-8"))


def asked(project: Project, question: str) -> list[tuple[Any, ...]]:
    """What the database answers."""
    with duckdb.connect(project.database, read_only=True) as connection:
        return connection.execute(question).fetchall()


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_a_report_adds_up_to_what_was_built(
    built: Built, choice: dict[str, Any]
) -> None:
    """Every count, from database, files and manifest, counted in another way."""
    project = built(choice)
    read = report(project.promoted())
    manifest = read_json(project.promoted() / "manifest.json")
    [(landed, subjects, candidates)] = asked(
        project,
        "select (select count(distinct (portal, job_uuid, subject_uuid))"
        " from staging.stg_portal__subjects),"
        " (select count(*) from intermediate.int_subjects),"
        " (select count(*) from intermediate.int_candidates)",
    )
    exported = {
        path.parent.name + "/" + path.stem: [
            contact["phone_number"] for contact in read_json(path)["contacts"]
        ]
        for path in project.promoted().glob("*/*.json")
    }
    phones = {phone for rows in exported.values() for phone in rows if phone}
    rows = sum(map(len, exported.values()))
    funnel = read.numbers("funnel")
    assert funnel["Subjects landed"] == [landed]
    assert funnel["Subjects"] == [subjects]
    assert funnel["Candidates"] == [candidates]
    assert funnel["Rows exported"] == [rows]
    assert funnel["Distinct phones"] == [len(phones)]
    assert read.headings[0].startswith(f"{rows} rows for {len(phones)} phones")

    reasons = read.numbers("reasons")
    sums = [reasons.pop(name) for name in ("Left out", "Exported", "Candidates")]
    assert sums[2] == [a + b for a, b in zip(sums[0], sums[1], strict=True)]
    assert sums[2][2] == candidates
    assert sums[0] == [sum(column) for column in zip(*reasons.values(), strict=True)]
    told = {
        (reason, audience): 0
        for count in manifest["counts"]
        for reason in count["excluded"]
        for audience in ("buyers", "non_buyers")
    }
    for count in manifest["counts"]:
        for reason, number in count["excluded"].items():
            told[reason, count["audience"]] += number
    for reason in {reason for reason, _ in told}:
        pair = [told[reason, "buyers"], told[reason, "non_buyers"]]
        assert reasons.pop(reason) == [*pair, sum(pair)]
    not_written = sum(c["exported"] for c in manifest["counts"]) - rows
    assert sum(total for *_, total in reasons.values()) == not_written

    portals = read.numbers("portals")
    for key in ("north", "south"):
        of_audience = [exported.get(f"{key}/{a}", []) for a in ("buyers", "non_buyers")]
        texted = {phone for rows in of_audience for phone in rows if phone}
        assert portals[key] == [*map(len, of_audience), len(texted)]

    files = {file["path"]: file for file in manifest["files"]}
    listed = read.numbers("files")
    assert listed == {name: [f["rows"], f["bytes"]] for name, f in files.items()}
    page = (project.promoted() / "report.html").read_text()
    assert all(file["sha256"] in page for file in files.values())


def test_a_report_has_the_weakest_jobs_and_the_requests(built: Built) -> None:
    """By name, as the models and load.json have them."""
    project = built({})
    read = report(project.promoted())
    jobs = asked(
        project,
        "select job_name, count(*), count(*) filter (where not is_buyer)"
        " from intermediate.int_subjects join intermediate.int_job_names"
        " using (portal, job_uuid) group by portal, job_uuid, job_name",
    )
    unsold = sorted(((n, -s) for _, s, n in jobs), reverse=True)[:10]
    rows = read.tables["unsold"][1:]
    assert [(int(row[2]), -int(row[1])) for row in rows] == unsold
    assert {row[0] for row in rows} <= {name for name, _, _ in jobs}
    load = read_json(project.landing / "current" / "load.json")
    assert read.numbers("load")["All portals"][0] == load["requests"]
    tests = len(list((project.folder / "tests").glob("*.sql")))
    assert read.numbers("contracts")["data tests"][0] > tests

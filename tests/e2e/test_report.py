"""The report that a build leaves: its sums are the database's, and it stays private."""

import csv
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from audience.report.build import Build, Result
from audience.report.writing import write_report
from tests.e2e.project import Project, read_json
from tests.e2e.test_rules import CHOICES
from tests.report.reading import Read, read_report

RUN = "20261130T013000000000Z-0000001d"
LATER = "20261201T013000000000Z-0000001e"
CANARY = "Canaryname"
JOB = '<b onclick="x">School & Sons</b>'
Built = Callable[[Mapping[str, Any]], Project]


def report(run: Path) -> Read:
    """The report of a run."""
    return read_report((run / "report.html").read_text(encoding="utf-8"))


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of an export file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


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
    contact = choice.get("contact_filter", "phone").replace("email", "e-mail")
    labels = dict(asked(project, "select reason, label from seeds.exclusion_reasons"))
    for reason in {reason for reason, _ in told}:
        pair = [told[reason, "buyers"], told[reason, "non_buyers"]]
        label = labels[reason].format(contact=contact.replace("any", "phone or e-mail"))
        assert reasons.pop(label) == [*pair, sum(pair)]
    not_written = sum(c["exported"] for c in manifest["counts"]) - rows
    assert sum(total for *_, total in reasons.values()) == not_written

    consents = read.numbers("consents")
    assert consents.pop("All rows") == [
        sum(column) for column in zip(*consents.values(), strict=True)
    ]
    based = Counter(
        (row["portal"], row["audience"], row["basis"])
        for row in read_csv(project.promoted() / "evidence.csv")
    )
    for portal in ("north", "south"):
        for audience, name in (("buyers", "buyers"), ("non_buyers", "non-buyers")):
            bases = [based[portal, audience, b] for b in ("explicit", "webshop")]
            assert consents.get(f"{portal}, {name}", [0, 0]) == bases
    words = read.numbers("unknown_words")
    unknown = "select count(*) from intermediate.int_subject_consents"
    [(amount,)] = asked(project, f"{unknown} where is_marketing_unknown")
    assert words["All portals"][2] == amount > 0

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


@pytest.fixture
def reporting(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of a build's database."""
    monkeypatch.setenv("EXPORT_ROOT", str(tmp_path / "exports"))
    database = shutil.copy(built({}).database, tmp_path)
    with duckdb.connect(database) as connection:
        yield connection


def reported(connection: duckdb.DuckDBPyConnection, run_id: str = RUN) -> str:
    """The page that a build of these tables leaves; nothing where it leaves none."""
    build = Build(
        run_id=run_id,
        load_id="load",
        code_version="0.1.0",
        obstacle="",
        variables={"audience": "both", "groups": [CANARY]},
        left_out=0,
        results=(Result("audience_members", "model", "success", None),),
    )
    address = write_report(connection, build)
    return Path(address).read_text(encoding="utf-8") if address else ""


def test_a_report_names_jobs_and_nobody_else(
    reporting: duckdb.DuckDBPyConnection,
) -> None:
    """Not even where every text of a candidate is a canary."""
    kept = "'portal', 'audience', 'exclusion_reason', 'job_name'"
    for schema, table in (
        ("marts", "audience_members"),
        ("intermediate", "int_subjects"),
        ("intermediate", "int_subject_contacts"),
    ):
        columns = reporting.execute(
            "select column_name from duckdb_columns() where schema_name = ? and"
            " table_name = ? and data_type = 'VARCHAR' and column_name not in"
            f" ({kept}, 'job_uuid', 'subject_uuid', 'activity_uuid')",
            [schema, table],
        ).fetchall()
        for (column,) in columns:
            reporting.execute(f"update {schema}.{table} set {column} = '{CANARY}'")
    reporting.execute(
        f"update marts.audience_members set job_name = '{JOB}' where portal = 'north'"
    )
    page = reported(reporting)
    names = {row[0] for row in read_report(page).tables["unsold"][1:]}
    assert JOB in names
    assert len(names) > 1
    assert JOB not in page
    assert CANARY not in page
    subjects = reporting.execute(
        "select distinct subject_uuid from marts.audience_members"
    ).fetchall()
    assert [uuid for (uuid,) in subjects if uuid in page] == []


def test_a_report_is_the_same_for_the_same_run(
    reporting: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """But for what it says of the runs before; a run has one report."""
    page = reported(reporting)
    assert reported(reporting) == ""
    (tmp_path / "exports").rename(tmp_path / "before")
    assert reported(reporting) == page
    again = reported(reporting, LATER)
    assert len(read_report(again).tables["trend"]) == 3


def test_an_empty_load_and_one_portal_are_reported(
    reporting: duckdb.DuckDBPyConnection,
) -> None:
    """Of the one portal alone; then of no candidate at all."""
    for table in ("marts.audience_members", "marts.audience_summary"):
        reporting.execute(f"delete from {table} where portal = 'south'")
    reporting.execute(
        "delete from intermediate.int_subject_lists where portal = 'south'"
    )
    alone = read_report(reported(reporting))
    assert [row[0] for row in alone.tables["portals"]] == [
        "Portal",
        "north",
        "All portals",
    ]
    for table in ("marts.audience_members", "intermediate.int_subject_lists"):
        reporting.execute(f"delete from {table}")
    empty = reported(reporting, LATER)
    assert "The load has no candidate." in empty
    assert read_report(empty).numbers("funnel") == {
        "Subjects landed": [0],
        "Subjects": [0],
        "Candidates": [0],
        "Rows exported": [0],
        "Distinct phones": [0],
    }


def test_a_report_that_cannot_be_written_stops_nothing(
    reporting: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """A file in the place of the folder; a load that is gone."""
    blocked = tmp_path / "exports" / "runs"
    blocked.parent.mkdir()
    blocked.write_text("")
    assert reported(reporting) == ""
    blocked.unlink()
    reporting.execute("drop view landing.loads")
    assert reported(reporting) == ""
    assert not (blocked / RUN).exists()

"""What is promoted, and what is not: only a whole build in which everything passed."""

import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import pytest

from tests.e2e.conftest import FORMATS
from tests.e2e.project import Project, publication, read_json

SCHEMA = Path(__file__).parents[2] / "publish" / "schemas" / "audience.schema.json"
Built = Callable[[Mapping[str, Any]], Project]


def test_json_exports_validate_against_the_shipped_schema(built: Built) -> None:
    """The JSON Schema, by a validator; and it can fail."""
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    documents = [read_json(path) for path in built({}).promoted().glob("*/*.json")]
    assert len(documents) == 4
    for document in documents:
        assert list(validator.iter_errors(document)) == []
    del documents[0]["metadata"]["load_id"]
    assert list(validator.iter_errors(documents[0])) != []


def test_files_are_their_owners_alone(built: Built) -> None:
    """Landing, database and exports: 0600 and 0700."""
    project = built({})
    roots = (project.landing, project.exports)
    private = [path for root in roots for path in [root, *root.rglob("*")]]
    private.append(project.database)
    modes = {
        (path.is_dir(), path.stat().st_mode & 0o777)
        for path in private
        if not path.is_symlink()
    }
    assert modes == {(True, 0o700), (False, 0o600)}


def test_a_build_with_far_fewer_rows_fails_and_can_be_accepted(
    promoted: Project,
) -> None:
    """The volume guard, and `publish` on what builds left: also the way back."""
    project = promoted
    first, first_run = publication(project), project.promoted().name
    outcome = project.dbt(
        "build", variables={**FORMATS, "audience": "buyers"}, status=1
    )
    second_run = project.newest_run().name
    [line] = [line for line in outcome.output.splitlines() if "max_change" in line]
    assert all(f"{portal} non_buyers" in line for portal in ("north", "south"))
    command = f"sms publish promote {second_run} --accept-change"
    assert line.endswith(f"If that is right: {command}")
    assert publication(project) == first
    assert project.marker()["has_passed"]
    project.run(*command.split())
    assert project.promoted().name == second_run
    page = report(project.newest_run())
    assert "were not promoted." in page
    assert f"{command}</li>" in page
    assert first_run in project.run("sms", "publish", "list").output
    assert (
        "non_buyers"
        in project.run("sms", "publish", "diff", "promoted", first_run).output
    )
    project.run("sms", "publish", "verify")
    # It was promoted before, so the volume guard lets it back.
    project.run("sms", "publish", "promote", first_run)
    again = publication(project)
    assert project.current()["run_id"] == first_run
    again.pop("current.json"), first.pop("current.json")
    assert again == first
    project.run("sms", "publish", "prune", "--keep", "0")
    assert project.newest_run().name == first_run


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (("run", "--select", "export_contacts"), "dbt run"),
        (("build", "--select", "export_contacts"), "left out"),
        (("build", "--exclude-resource-type", "test"), "left out"),
        (("build", "--empty"), "part of the rows"),
        (("build", "--sample", "3 days", "--select", "path:seeds"), "part of the rows"),
    ],
    ids=str,
)
def test_a_partial_build_works_and_is_not_promoted(
    promoted: Project, command: tuple[str, ...], reason: str
) -> None:
    """Its files stay, without a manifest, and it says why."""
    project = promoted
    before = publication(project)
    assert project.marker()["has_passed"]
    outcome = project.dbt(*command)
    assert "is not promoted" in outcome.output
    assert reason in outcome.output
    assert not project.marker()["has_passed"]
    assert reason in project.marker()["obstacle"]
    assert publication(project) == before
    if "path:seeds" not in command:
        run = project.newest_run()
        assert not (run / "manifest.json").exists()
        project.run("sms", "publish", "promote", run.name, status=10)
        assert publication(project) == before
        assert (run / "report.html").exists() == ("--empty" in command)


def test_a_dry_run_can_be_promoted_later(project: Project) -> None:
    """promote: false writes the files and moves nothing."""
    outcome = project.dbt("build", variables={"promote": False})
    assert "not promoted" in outcome.output
    assert publication(project) == {}
    run = project.newest_run()
    marker = project.marker()
    assert (marker["run_id"], marker["has_passed"]) == (run.name, True)
    assert marker["load_id"] == (project.landing / "current").resolve().name
    assert f"{marker['as_of'].isoformat()}Z" == project.extracted_at()
    assert json.loads(marker["variables"])["dedup_by"] == "activity_subject"
    assert "were ready; the build did not ask to promote." in report(run)
    project.run("sms", "publish", "promote", run.name)
    assert project.promoted() == run
    project.run("sms", "publish", "verify")


def test_a_warning_is_not_promoted(promoted: Project) -> None:
    """A contract that only warns has not passed: it is named, not what is left out."""
    project, before = promoted, publication(promoted)
    (project.folder / "tests" / "assert_nothing.sql").write_text(
        "{{ config(severity='warn') }}\nselect 1 as one\n"
    )
    outcome = project.dbt("build", "--select", "assert_nothing")
    assert "assert_nothing (warn)" in outcome.output
    assert "assert_nothing (warn)" in project.marker()["obstacle"]
    assert publication(project) == before


def report(run: Path) -> str:
    """The report of a run."""
    return (run / "report.html").read_text(encoding="utf-8")


def with_own_load(project: Project) -> Project:
    """The project with a copy of its load, which can be damaged."""
    load = (project.landing / "current").resolve()
    landing = project.folder / "landing"
    shutil.copytree(load, landing / "loads" / load.name)
    (landing / "current").symlink_to(Path("loads") / load.name)
    return project.with_environment(LANDING_DIR=str(landing))


def plant_user_twice(project: Project) -> None:
    """A row that the extractor would never land."""
    file = next(project.landing.glob("loads/*/portal=north/users.parquet"))
    copy = file.with_suffix(".new")
    duckdb.sql(
        f"copy (from '{file}' union all (from '{file}' limit 1))"
        f" to '{copy}' (format parquet)"
    )
    copy.rename(file)


def plant_raw_phone(project: Project) -> None:
    """A model that lets a phone through as it was typed."""
    break_model(
        project,
        "int_phone_numbers",
        "textable_phone(phone_text, region)",
        "coalesce(textable_phone(phone_text, region), phone_text)",
    )


def plant_lost_subjects(project: Project) -> None:
    """A model that loses the subjects whose activities are all off sale."""
    break_model(
        project,
        "int_candidates",
        "having not bool_or(is_on_sale)",
        "having not bool_or(is_on_sale) and min(subject_uuid) < '8'",
    )


def plant_buyers_as_non_buyers(project: Project) -> None:
    """The mistake that this project replaces."""
    break_model(project, "int_subject_lists", "bool_or(listed_in = 'buyers')", "false")


def plant_invented_dates(project: Project) -> None:
    """A consent date without a consent."""
    break_model(
        project,
        "int_candidate_consents",
        "then coalesce(marketing_decided_at, starting_at)",
        "then coalesce(marketing_decided_at, starting_at, timestamp '2099-01-01')",
    )
    break_model(
        project,
        "int_candidate_consents",
        "or dated.marketing_at > run.as_of",
        "or dated.marketing_at is null",
    )


def plant_suppressed_phones(project: Project) -> None:
    """Somebody who said stop."""
    break_model(
        project,
        "int_subject_addresses",
        "and not is_shared and not is_suppressed as is_usable",
        "and not is_shared as is_usable",
    )


def break_model(project: Project, model: str, old: str, new: str) -> None:
    """Change a model's text."""
    path = project.folder / "models" / "intermediate" / f"{model}.sql"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def assert_nothing_is_promoted(project: Project, *selection: str) -> None:
    """Build what is broken: its data tests see it, and the publication stays."""
    before = publication(project)
    outcome = project.dbt("build", *selection, status=1)
    assert "FAIL" in outcome.output
    assert "is not promoted" in outcome.output
    assert "did not pass" in project.marker()["obstacle"]
    assert publication(project) == before


def test_a_broken_load_promotes_nothing(promoted: Project) -> None:
    """All that depends on it is skipped, and the report says so."""
    project = with_own_load(promoted)
    plant_user_twice(project)
    assert_nothing_is_promoted(project)
    page = report(project.newest_run())
    assert re.search(r"<h1>Nothing was promoted: \d+ contracts? failed.</h1>", page)
    assert page.count('class="gap"') == 1


@pytest.mark.parametrize(
    ("plant", "model"),
    [
        (plant_raw_phone, "int_phone_numbers"),
        (plant_lost_subjects, "int_candidates"),
        (plant_buyers_as_non_buyers, "int_subject_lists"),
        (plant_invented_dates, "int_candidate_consents"),
        (plant_suppressed_phones, "int_subject_addresses"),
    ],
)
def test_a_broken_model_promotes_nothing(
    promoted: Project, plant: Callable[[Project], None], model: str
) -> None:
    """The model and what depends on it are built into a good build's database."""
    plant(promoted)
    assert_nothing_is_promoted(promoted, "--select", f"{model}+")


def test_retry_after_a_failure_is_not_promoted(project: Project) -> None:
    """A retry checks only what had failed."""
    broken = project.folder / "tests" / "assert_nothing.sql"
    broken.write_text("select 1 as one\n")
    project.dbt("build", status=1)
    broken.write_text("select 1 as one where false\n")
    outcome = project.dbt("retry")
    assert "is not promoted" in outcome.output
    assert "left out" in project.marker()["obstacle"]
    assert publication(project) == {}

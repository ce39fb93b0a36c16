"""Bad input gets one clear line, a non-zero exit, and nothing lost."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.e2e.conftest import separate_exports
from tests.e2e.project import Project, new_project, publication
from tests.reference import PortalConfig

Loaded = tuple[Project, dict[str, PortalConfig]]


def test_every_wrong_variable_is_named_with_what_is_allowed(
    loaded: Loaded, tmp_path: Path
) -> None:
    """R11: all mistakes in one message, and nothing is built."""
    mistakes: dict[str, tuple[Any, str]] = {
        "portal": (["north"], "unknown variable portal (allowed: allow_unreadable, "),
        "portals": (["west"], "portals cannot hold west (allowed: north, south)"),
        "job_uuids": (["none"], "job_uuids cannot hold none (allowed: "),
        "groups": ("3B", "groups must be a list"),
        "contact_filter": ("fax", "(allowed: phone, email, any)"),
        "audience": ("all", "(allowed: both, buyers, non_buyers)"),
        "dedup_by": ("name", "(allowed: activity_subject, phone_job, phone)"),
        "export_formats": (["xlsx"], "(allowed: csv, json)"),
        "require_images": ("yes", "require_images must be true or false"),
        "consent_max_age_days": (-1, "consent_max_age_days must be a whole number"),
        "max_change": (True, "max_change must be a number from 0 to 1000, or false"),
        "as_of": ("yesterday", "as_of must be an ISO 8601 date"),
    }
    project = separate_exports(loaded[0], tmp_path)
    variables = {name: value for name, (value, _) in mistakes.items()}
    outcome = project.dbt("build", variables=variables, status=2)
    assert [m for _, m in mistakes.values() if m not in outcome.output] == []
    assert "in macro" not in outcome.output
    assert "executing the UDF" not in outcome.output
    assert publication(project) == {}


@pytest.fixture(scope="module")
def unbuilt(loaded: Loaded, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The loaded project, for builds that stop before they write anything."""
    return separate_exports(loaded[0], tmp_path_factory.mktemp("unbuilt"))


def test_a_malformed_suppression_list_stops_the_build(unbuilt: Project) -> None:
    """R9: it would text those who said stop; and the message quotes no address."""
    path = unbuilt.exports.with_name("suppressions.csv")
    path.write_text(
        "channel,address,suppressed_at,reason\nsms,202-555-0123,last week,x\n"
    )
    project = unbuilt.with_environment(SUPPRESSIONS_CSV=str(path))
    outcome = project.dbt("build", status=2)
    assert "line 2: its suppressed_at cannot be read" in outcome.output
    assert "555-0123" not in outcome.output
    assert publication(project) == {}


def test_a_wrong_portal_is_named_with_its_line(loaded: Loaded, tmp_path: Path) -> None:
    """R8: a build must not guess what counts as consent."""
    portal = PortalConfig("p", "https://p.example/api/v1", "B", "US", "USA", "webshopp")
    project = new_project(tmp_path / "project", [portal])
    project = project.with_environment(LANDING_DIR=str(loaded[0].landing))
    outcome = project.dbt("build", status=2)
    assert "seeds/portals.csv line 2: consent_basis must be one of" in outcome.output
    assert "in macro" not in outcome.output
    assert publication(project) == {}


def test_of_two_builds_at_once_the_second_says_so_in_one_line(
    unbuilt: Project,
) -> None:
    """DuckDB lets one process in, and dbt would show a traceback."""
    unbuilt.database.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(unbuilt.database):
        outcome = unbuilt.dbt("build", status=2)
    assert (
        f"{unbuilt.database.name}: another process has this database" in outcome.output
    )
    assert "Traceback" not in outcome.output
    assert publication(unbuilt) == {}


def test_a_build_says_that_nobody_is_suppressed(project: Project) -> None:
    """R9: a build with neither a ledger nor a list says so."""
    outcome = project.dbt("run", "--select", "stg_suppressions")
    assert "NO SUPPRESSIONS: SUPPRESSIONS_CSV is not set" in outcome.output


def test_a_build_without_a_load_says_how_to_make_one(tmp_path: Path) -> None:
    """Nothing is landed yet."""
    portal = PortalConfig("p", "https://p.example", "B", "US", "USA", "webshop")
    project = new_project(tmp_path / "project", [portal])
    outcome = project.dbt("build", status=2)
    assert "No complete load in landing: `sms extract load` makes one" in outcome.output


def test_seeds_and_docs_need_no_load(tmp_path: Path) -> None:
    """An analyst can parse, seed and compile at any time."""
    portal = PortalConfig("p", "https://p.example", "B", "US", "USA", "webshop")
    project = new_project(tmp_path / "project", [portal])
    project.dbt("seed")
    project.dbt("parse")

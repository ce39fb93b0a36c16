"""The whole way, from the portal to the files, against R1 to R14 stated once more."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from extract.sandbox import World, serve, suppressions
from tests.e2e.conftest import separate_exports
from tests.e2e.project import Project, new_project
from tests.reference import PortalConfig, Result, Variables, audiences, compare
from tests.reference.interface import REASONS
from tests.reference.strategies import Example, examples

Loaded = tuple[Project, dict[str, PortalConfig]]
Built = Callable[[Mapping[str, Any]], Project]

CHOICES: list[dict[str, Any]] = [
    {},
    {"contact_filter": "any", "dedup_by": "phone", "registered_only": True},
    {"contact_filter": "email", "dedup_by": "phone_job", "require_images": False},
    {"portals": ["north"], "audience": "buyers", "consent_max_age_days": 90},
    {"as_of": "2026-10-01T12:00:00+02:00", "audience": "non_buyers"},
]


def reference(
    world: Mapping[str, Any],
    portals: Mapping[str, PortalConfig],
    suppressed: Sequence[Mapping[str, str]],
    variables: Variables,
) -> Result:
    """What the rules say of a world."""
    served = {
        portals[key].portal: (portals[key], portal)
        for key, portal in world["portals"].items()
    }
    return audiences(served, suppressed, variables)


def reference_variables(project: Project, choice: Mapping[str, Any]) -> Variables:
    """dbt's variables as the reference takes them; `as_of` is the load's, if unset."""
    known = {field.name for field in fields(Variables)}
    chosen: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in choice.items()
        if name in known
    }
    as_of = datetime.fromisoformat(choice.get("as_of") or project.extracted_at())
    chosen["as_of"] = as_of.astimezone(UTC)
    return Variables(**chosen)


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_every_exported_field_of_every_row(
    loaded: Loaded, built: Built, world: World, choice: dict[str, Any]
) -> None:
    """R1 to R14: with a suppression list, by different variables."""
    project = built(choice)
    suppressed = suppressions(world)
    variables = reference_variables(project, choice)
    result = reference(world, loaded[1], suppressed, variables)
    assert result.exported
    differences = compare(
        result,
        project.promoted(),
        portals=variables.portals or None,
        audience=variables.audience,
        formats=["csv", "json"],
    )
    assert differences == []


def test_filters_by_job_and_group(loaded: Loaded, world: World, tmp_path: Path) -> None:
    """R11: a job and a group that some subjects are of."""
    project = separate_exports(loaded[0], tmp_path)
    rows = reference(world, loaded[1], [], reference_variables(project, {})).exported
    row = next(row for row in rows if row["group"])
    choice = {"job_uuids": [row["job_uuid"]], "groups": [row["group"]]}
    project.dbt("build", variables=choice)
    expected = reference(world, loaded[1], [], reference_variables(project, choice))
    assert 0 < len(expected.exported) < len(rows)
    assert compare(expected, project.promoted()) == []


def test_the_choices_meet_every_exclusion_reason(loaded: Loaded, world: World) -> None:
    """R13: what is compared above covers each reason, and both audiences."""
    met = set()
    suppressed = suppressions(world)
    filters = {"job_uuids": ["other"]}, {"groups": ["other"]}
    for choice in [*CHOICES, *filters]:
        variables = reference_variables(loaded[0], choice)
        result = reference(world, loaded[1], suppressed, variables)
        met |= {row["reason"] for row in result.excluded}
    assert met == set(REASONS)


@pytest.mark.timeout(900)
@seed(20261124)
@settings(
    max_examples=4,
    deadline=None,
    database=None,
    # A world takes a whole build: shrinking one would take an hour.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(example=examples(), formats=st.sampled_from([["csv"], ["json", "csv"]]))
def test_hostile_worlds(
    tmp_path_factory: pytest.TempPathFactory, example: Example, formats: list[str]
) -> None:
    """Dirty text, phones, e-mails, dates and shapes, over real HTTP."""
    folder = tmp_path_factory.mktemp("hostile") / "project"
    with serve(example.world) as sandbox:
        config = PortalConfig(
            **{
                **asdict(example.config),
                "base_url": f"{sandbox.url}/{example.path_key}/api/v1",
            }
        )
        others = [
            PortalConfig(name, "https://other.example", "B", "US", "USA", "webshop")
            for name in example.variables.portals
            if name != config.portal
        ]
        project = new_project(folder, [config, *others])
        project.run("sms", "extract", "load", "--portal", config.portal)
    project = project.suppress(example.suppressions)
    # dbt refuses a job that the load has not.
    jobs = example.world["portals"][example.path_key]["jobs"]
    known = [job for job in example.variables.job_uuids if job in jobs]
    variables = replace(example.variables, job_uuids=tuple(known))
    choice = {
        **asdict(variables),
        "as_of": variables.as_of.isoformat(),
        "export_formats": formats,
    }
    project.dbt("build", variables=choice)
    result = audiences(
        {config.portal: (config, example.portal)},
        example.suppressions,
        variables,
    )
    wanted = variables.portals
    differences = compare(
        result,
        project.promoted(),
        portals=[config.portal] if not wanted or config.portal in wanted else [],
        audience=variables.audience,
        formats=formats,
    )
    assert differences == []

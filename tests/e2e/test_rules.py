"""The whole way, from the portal to the files, against R1 to R14 stated once more."""

import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, seed, settings

from extract.sandbox import World, serve, suppressions
from tests.e2e.conftest import first_time, separate_exports
from tests.e2e.project import Project, new_project, project_at
from tests.reference import PortalConfig, Result, Variables, audiences, compare
from tests.reference.interface import REASONS, Portal
from tests.reference.strategies import Example, examples

Loaded = tuple[Project, dict[str, PortalConfig]]
Built = Callable[[Mapping[str, Any]], Project]

WORLDS = 6
CHOSEN = 2
DRAWN = 30

# Some also for tests of the audience and of the report, which read the same builds.
CHOICES: list[dict[str, Any]] = [
    {},
    {"contact_filter": "email", "dedup_by": "phone_job", "require_images": False},
    {
        "contact_routes": ["subject", "delivery_2", "registered_user"],
        "max_subjects_per_address": 1,
        "buyers_get_no_reminder": "portal",
        "contact_filter": "any",
    },
    {
        "portals": ["north"],
        "audience": "buyers",
        "consent_max_age_days": 90,
        "contact_filter": "any",
        "dedup_by": "phone",
        "registered_only": True,
    },
    {
        "as_of": "2026-10-01T12:00:00+02:00",
        "audience": "non_buyers",
        "max_subjects_per_address": 0,
        "buyers_get_no_reminder": "job",
        "dedup_by": "phone_job",
    },
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


@dataclass(frozen=True)
class Hostile:
    """Worlds that are portals of one project, and whose rules to build them by."""

    project: Project
    origin: str
    worlds: list[Example]
    choices: list[Example]

    @property
    def served(self) -> dict[str, tuple[PortalConfig, Portal]]:
        """The worlds as portals."""
        configs = hostile_portals(self.worlds, self.origin)
        return {
            config.portal: (config, world.portal)
            for config, world in zip(configs, self.worlds, strict=True)
        }


def hostile_portals(worlds: Sequence[Example], origin: str) -> list[PortalConfig]:
    """The portals that have the worlds."""
    return [
        replace(world.config, portal=f"world{n}", base_url=f"{origin}/{n}/api/v1")
        for n, world in enumerate(worlds)
    ]


def hostile_result(
    worlds: Mapping[str, tuple[PortalConfig, Portal]], choice: Example
) -> tuple[Variables, Result]:
    """What the rules say of worlds, by the variables and suppressions of one.

    But for its filters of portals and jobs: they would leave out the other worlds.
    """
    variables = replace(choice.variables, portals=(), job_uuids=())
    return variables, audiences(worlds, choice.suppressions, variables)


def draw_examples() -> list[Example]:
    """Worlds by a fixed seed; they still differ with the modules that are loaded."""
    drawn: list[Example] = []

    @seed(20261124)
    @settings(max_examples=DRAWN, deadline=None, database=None, phases=[Phase.generate])
    @given(example=examples())
    def draw(example: Example) -> None:
        drawn.append(example)

    draw()
    return drawn


def is_telling(worlds: Sequence[Example], choice: Example) -> bool:
    """Whether each of the worlds has an exported row by the choice."""
    served = {
        config.portal: (config, world.portal)
        for config, world in zip(hostile_portals(worlds, ""), worlds, strict=True)
    }
    _, result = hostile_result(served, choice)
    return {row["portal"] for row in result.exported} == set(result.portals)


@pytest.fixture(scope="session")
def hostile(shared: Path) -> Hostile:
    """A project that has landed all hostile worlds; one process draws them for all."""
    folder, mark = shared / "hostile" / "project", shared / "hostile" / "drawn"
    with first_time(mark) as is_first:
        if is_first:
            drawn = draw_examples()
            worlds = [one for one in drawn if is_telling([one], one)][:WORLDS]
            choices = [one for one in drawn if is_telling(worlds, one)][:CHOSEN]
            assert (len(worlds), len(choices)) == (WORLDS, CHOSEN)
            served = {str(n): world.portal for n, world in enumerate(worlds)}
            with serve({"portals": served}) as sandbox:
                portals = hostile_portals(worlds, sandbox.url)
                project = new_project(folder, portals, has_unit_tests=False)
                # The seed has them as the sandbox's, which are only asked by name.
                names = [f"--portal={portal.portal}" for portal in portals]
                project.run("sms", "extract", "load", *names, "--rate", "100000")
                project.dbt("parse")
                mark.write_bytes(pickle.dumps((sandbox.url, worlds, choices)))
    return Hostile(project_at(folder), *pickle.loads(mark.read_bytes()))


@pytest.mark.parametrize(
    ("number", "formats"), [(0, ["json", "csv"]), (1, ["csv"])], ids=str
)
def test_hostile_worlds(
    hostile: Hostile, tmp_path: Path, number: int, formats: list[str]
) -> None:
    """Dirty text, phones, e-mails, dates and shapes, over real HTTP.

    Each world is a portal, with jobs and people that others have, too.
    """
    choice = hostile.choices[number]
    variables, result = hostile_result(hostile.served, choice)
    project = separate_exports(hostile.project, tmp_path).suppress(choice.suppressions)
    given_to_dbt = {
        **asdict(variables),
        "as_of": variables.as_of.isoformat(),
        "export_formats": formats,
    }
    project.dbt("build", variables=given_to_dbt)
    audience = variables.audience
    assert compare(result, project.promoted(), audience=audience, formats=formats) == []

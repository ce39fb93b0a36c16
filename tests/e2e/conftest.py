"""Projects with a load of the sandbox, shared by tests that only build it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from extract.sandbox import World, generate, serve
from tests.e2e.project import Project, new_project
from tests.reference import PortalConfig

TODAY = date(2026, 11, 20)
PORTALS = {
    "1": PortalConfig("north", "", "Brand", "US", "USA", "webshop"),
    "2": PortalConfig("south", "", "Brand", "CA", "Canada", "explicit"),
}


@pytest.fixture(scope="session")
def world() -> World:
    """The sandbox's world in its default size."""
    return generate(6, 40, 1, TODAY)


@pytest.fixture(scope="session")
def configs() -> dict[str, PortalConfig]:
    """The portals of the world by their path keys, addresses to be filled in."""
    return PORTALS


@pytest.fixture(scope="session")
def loaded(
    tmp_path_factory: pytest.TempPathFactory, world: World
) -> Iterator[tuple[Project, dict[str, PortalConfig]]]:
    """A project that has landed the world over HTTP, and its portals."""
    folder = tmp_path_factory.mktemp("loaded") / "project"
    with serve(world) as sandbox:
        portals = at_address(sandbox.url)
        project = new_project(folder, list(portals.values()))
        project.run("extract", "load", "--rate", "100000")
    yield project, portals


def at_address(url: str) -> dict[str, PortalConfig]:
    """The portals as a server at `url` has them."""
    return {
        key: replace(portal, base_url=f"{url}/{key}/api/v1/")
        for key, portal in PORTALS.items()
    }


def separate_exports(project: Project, folder: Path) -> Project:
    """The same project and load, building into a folder of its own."""
    return project.with_environment(
        LANDING_DIR=str(project.landing),
        EXPORT_ROOT=str(folder / "exports"),
        DUCKDB_PATH=str(folder / "build.duckdb"),
        DBT_TARGET_PATH=str(folder / "target"),
        DBT_LOG_PATH=str(folder / "logs"),
    )

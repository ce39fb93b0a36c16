"""Projects with a load of the sandbox, shared by tests that only build it."""

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from extract.sandbox import World, generate, serve, suppressions
from tests.e2e.project import PARTS, Project, new_project, project_at
from tests.reference import PortalConfig

Loaded = tuple[Project, dict[str, PortalConfig]]

TODAY = date(2026, 11, 20)
PORTALS = {
    "1": PortalConfig("north", "", "Brand", "US", "USA", "webshop"),
    "2": PortalConfig("south", "", "Brand", "CA", "Canada", "explicit"),
}
# The formats of a build by `built`.
FORMATS = {"export_formats": ["csv", "json"]}


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark all tests of this folder."""
    item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def world() -> World:
    """The sandbox's world in its default size."""
    return generate(6, 40, 1, TODAY)


@pytest.fixture(scope="session")
def configs() -> dict[str, PortalConfig]:
    """The portals of the world by their path keys, addresses to be filled in."""
    return PORTALS


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this test run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@contextmanager
def first_time(mark: Path) -> Iterator[bool]:
    """Whether `mark` is not there yet, of all processes for one at a time.

    It is there once the block has ended well.
    """
    mark.parent.mkdir(parents=True, exist_ok=True)
    with mark.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not mark.exists()
        mark.touch()


@pytest.fixture(scope="session")
def loaded(shared: Path, world: World) -> Loaded:
    """A project that has landed the world over HTTP, and its portals.

    It has no unit tests, and dbt has parsed it: its copies are quick to build.
    """
    folder, mark = shared / "loaded" / "project", shared / "loaded" / "url"
    with first_time(mark) as is_first:
        if is_first:
            with serve(world) as sandbox:
                portals = list(at_address(sandbox.url).values())
                project = new_project(folder, portals, has_unit_tests=False)
                project.run("sms", "extract", "load", "--rate", "100000")
                project.dbt("parse")
                mark.write_text(sandbox.url)
    return project_at(folder), at_address(mark.read_text())


@pytest.fixture(scope="session")
def built(
    shared: Path, loaded: Loaded, world: World
) -> Callable[[Mapping[str, Any]], Project]:
    """Builds the load with the world's suppressions, once for each choice of variables.

    For tests that only read what a build leaves. The one with the defaults runs the
    unit tests.
    """

    def build(choice: Mapping[str, Any]) -> Project:
        name = sha256(json.dumps(choice, sort_keys=True).encode()).hexdigest()[:12]
        folder = shared / "built" / name
        with first_time(folder.with_suffix(".done")) as is_first:
            if is_first and choice:
                separate_exports(loaded[0], folder)
            elif is_first:
                new_project(folder, [*loaded[1].values()])
            project = with_load(project_at(folder), loaded[0])
            project = project.suppress(suppressions(world))
            if is_first:
                project.dbt("build", variables={**choice, **FORMATS})
        return project

    return build


@pytest.fixture
def project(loaded: Loaded, tmp_path: Path) -> Project:
    """A copy of the loaded project."""
    return separate_exports(loaded[0], tmp_path)


@pytest.fixture
def promoted(
    loaded: Loaded, built: Callable[[Mapping[str, Any]], Project], tmp_path: Path
) -> Project:
    """A project that has promoted a whole build, and can promote another one."""
    project = separate_exports(loaded[0], tmp_path)
    suppressed = built({}).environment["SUPPRESSIONS_CSV"]
    return with_copies(project, built({})).with_environment(SUPPRESSIONS_CSV=suppressed)


def with_copies(project: Project, source: Project) -> Project:
    """The project, after the same build as `source`."""
    shutil.copytree(source.exports, project.exports, symlinks=True)
    shutil.copy(source.database, project.database)
    return project


def at_address(url: str) -> dict[str, PortalConfig]:
    """The portals as a server at `url` has them."""
    return {
        key: replace(portal, base_url=f"{url}/{key}/api/v1/")
        for key, portal in PORTALS.items()
    }


def separate_exports(project: Project, folder: Path) -> Project:
    """Copy the project into `folder`, where it builds the same load.

    The copy keeps what dbt has parsed, which holds for a database whose path is the
    same, as it is relative to the project.
    """
    for part in PARTS:
        if (project.folder / part).is_dir():
            shutil.copytree(project.folder / part, folder / part)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(project.folder / part, folder / part)
    parsed = Path("target", "partial_parse.msgpack")
    (folder / parsed).parent.mkdir()
    shutil.copy(project.folder / parsed, folder / parsed)
    return with_load(project_at(folder), project)


def with_load(project: Project, source: Project) -> Project:
    """The project, building the load of `source`."""
    return project.with_environment(LANDING_DIR=str(source.landing))

"""The worlds and the running sandbox that the tests share."""

from collections.abc import Iterator
from typing import Any

import pytest

from extract.sandbox import Sandbox, World, generate, serve
from tests.sandbox.raw import TODAY


@pytest.fixture(scope="session")
def world() -> World:
    """A world of the default size."""
    return generate(6, 40, seed=1, today=TODAY)


@pytest.fixture(params=["1", "2"])
def portal(world: World, request: pytest.FixtureRequest) -> Any:
    """Each portal of the world in turn."""
    return world["portals"][request.param]


@pytest.fixture(scope="session")
def sandbox(world: World) -> Iterator[Sandbox]:
    """The world, served in pages of eight rows."""
    with serve(world, page_size=8) as running:
        yield running

"""Exports after a portal's bad night, through the whole of it: load, load, build."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from extract.sandbox import World, serve, suppressions
from extract.sandbox.faults import playing
from tests.e2e.conftest import Loaded, at_address
from tests.e2e.project import Project, new_project

LOAD = ("sms", "extract", "load", "--rate", "0")


def test_a_bad_night_gives_the_exports_of_a_good_one(
    tmp_path: Path,
    world: World,
    loaded: Loaded,
    built: Callable[[Mapping[str, Any]], Project],
) -> None:
    """Broken connections end one load; the next meets a busy portal with odd pages."""
    good = built({})
    with serve(world) as sandbox:
        portals = at_address(sandbox.url)
        bad = new_project(tmp_path / "bad", [*portals.values()], has_unit_tests=False)
        sandbox.faults = [playing("reset:60", "registrations")]
        failed = bad.run(*LOAD, "--attempts", "2", status=20)
        assert "sms: portal " in failed.output
        assert not (bad.landing / "current").exists()
        passes = [playing(f, times=1) for f in ("status:503", "truncated", "short")]
        comes_twice = [
            playing("overlapping", "subjects"),
            playing("repeated", "registrations"),
            playing("short-pages", "activities"),
        ]
        sandbox.faults = [*passes, *comes_twice]
        bad.run(*LOAD)
        assert all(fault.played for fault in sandbox.faults)
    bad = bad.suppress(suppressions(world))
    bad.dbt("build", variables={"as_of": good.extracted_at()})
    found = exports(bad, portals["1"].base_url)
    assert len(found) == 7
    assert found == exports(good, loaded[1]["1"].base_url)


def exports(project: Project, base_url: str) -> dict[str, bytes]:
    """The CSV files of the promoted run, without the address of their portals."""
    origin = base_url.partition("/1/api")[0].encode()
    run = project.promoted()
    return {
        path.relative_to(run).as_posix(): path.read_bytes().replace(origin, b"")
        for path in run.rglob("*.csv")
    }

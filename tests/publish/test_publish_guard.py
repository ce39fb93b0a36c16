"""The volume guard: which changes need somebody's yes, and what is said then."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from common.errors import ContractError
from publish.guard import Change, check_volume, great_changes, max_change
from publish.manifest import About, Manifest, RunFile
from tests.publish.publishing import PORTALS, RUN_A, RUN_B, RUN_C, build, publish, tree


def manifest(run_id: str = RUN_A, limit: Any = None, **rows: int) -> Manifest:
    """A run whose files have so many rows: `north_buyers=3`, `south_buyers_json=3`."""
    variables = {} if limit is None else {"max_change": limit}
    about = About(run_id, "load", "2025-01-01T00:00:00Z", "0.1.0", variables)
    files = [_file(name, number) for name, number in rows.items()]
    exclusions = RunFile("exclusions.csv", None, None, "csv", 9999, 1, "0" * 64)
    return Manifest(about, (*files, exclusions), ())


def _file(name: str, rows: int) -> RunFile:
    file_format = "json" if name.endswith("_json") else "csv"
    portal, audience = name.removesuffix("_json").split("_", 1)
    path = f"{portal}/{audience}.{file_format}"
    return RunFile(path, portal, audience, file_format, rows, 1, "0" * 64)


def changed(before: int, after: int, limit: Any = None) -> bool:
    """Say whether one file's change is too great."""
    promoted = manifest(north_buyers=before)
    return bool(great_changes(promoted, manifest(RUN_B, limit, north_buyers=after)))


@pytest.mark.parametrize(
    ("before", "after", "is_great"),
    [
        (100, 50, False),
        (100, 49, True),
        (100, 150, False),
        (100, 151, True),
        (1000, 0, True),
        (0, 49, False),
        (0, 50, True),
        (50, 1, False),
        (50, 0, True),
        (49, 0, False),
        (10, 59, False),
        (10, 60, True),
        (0, 0, False),
    ],
)
def test_half_of_the_rows_and_at_least_50(
    before: int, after: int, is_great: bool
) -> None:
    assert changed(before, after) == is_great


@pytest.mark.parametrize(
    ("limit", "before", "after", "is_great"),
    [
        (0, 1000, 951, False),
        (0, 1000, 950, True),
        (0.57, 100, 43, False),
        (0.57, 100, 42, True),
        (0.07, 1000, 930, False),
        (1, 1000, 0, False),
        (1, 1000, 2001, True),
        (10, 1000, 11000, False),
        (10, 1000, 11001, True),
        (False, 1000, 0, False),
        (False, 0, 1000, False),
    ],
)
def test_the_limit_is_the_run_s_own(
    limit: Any, before: int, after: int, is_great: bool
) -> None:
    assert changed(before, after, limit) == is_great


def test_the_limit_of_the_promoted_run_does_not_count() -> None:
    promoted = manifest(RUN_A, False, north_buyers=1000)
    assert great_changes(promoted, manifest(RUN_B, north_buyers=0))


def test_portals_and_audiences_of_either_side_are_compared() -> None:
    promoted = manifest(north_buyers=100, north_non_buyers=700, south_buyers=80)
    run = manifest(RUN_B, north_buyers=100, south_buyers=900, west_buyers=60)
    assert great_changes(promoted, run) == [
        Change("north", "non_buyers", None, 700, 0),
        Change("south", "buyers", None, 80, 900),
        Change("west", "buyers", None, 0, 60),
    ]


def test_a_format_that_goes_counts_and_one_that_comes_does_not() -> None:
    csv = manifest(RUN_B, north_buyers=100)
    both = manifest(RUN_A, north_buyers=100, north_buyers_json=100)
    assert great_changes(csv, both) == []
    assert great_changes(both, csv) == [Change("north", "buyers", "json", 100, 0)]


def test_an_audience_that_goes_in_both_formats_is_named_once() -> None:
    both = manifest(north_buyers=100, north_buyers_json=100)
    assert great_changes(both, manifest(RUN_B)) == [
        Change("north", "buyers", None, 100, 0)
    ]


def test_exclusions_do_not_count() -> None:
    promoted = manifest(north_buyers=1)
    fewer = replace(promoted, files=promoted.files[:1])
    assert great_changes(promoted, fewer) == []


@pytest.mark.parametrize(
    "limit", [True, -0.1, 1000.1, "0.5", [], {}, float("nan"), float("inf")]
)
def test_a_limit_that_is_none_is_refused(limit: Any) -> None:
    with pytest.raises(ContractError, match="max_change must be a number from 0 to"):
        max_change(manifest(RUN_B, limit))


def test_the_message_shows_both_counts_and_the_way_on() -> None:
    promoted = manifest(north_buyers=1000, north_buyers_json=1000, south_buyers=600)
    run = manifest(RUN_B, 0.25, north_buyers=120, south_buyers=600)
    with pytest.raises(ContractError) as raised:
        check_volume(promoted, run)
    assert str(raised.value) == (
        f"run {RUN_B}: is not promoted, as its rows differ by more than max_change "
        f"(0.25) from those of the promoted run {RUN_A}: north buyers 1000 -> 120, "
        "north buyers.json 1000 -> 0. If that is right: "
        f"sms publish promote {RUN_B} --accept-change"
    )


def test_a_run_like_the_promoted_one_passes() -> None:
    check_volume(manifest(north_buyers=1000), manifest(RUN_B, north_buyers=900))


def test_a_build_with_far_fewer_rows_is_finished_and_not_promoted(root: Path) -> None:
    build(RUN_A, rows=120)
    before = tree(root / "latest"), (root / "current.json").read_bytes()
    with pytest.raises(ContractError) as raised:
        build(RUN_B, rows=7)
    pairs = [f"{p} {a} 120 -> 7" for p in PORTALS for a in ("buyers", "non_buyers")]
    assert ", ".join(pairs) in str(raised.value)
    assert str(raised.value).endswith(f": sms publish promote {RUN_B} --accept-change")
    assert (tree(root / "latest"), (root / "current.json").read_bytes()) == before
    assert publish("verify", RUN_B).returncode == 0
    assert promoted(root) == RUN_A


def test_the_command_that_the_message_ends_with_promotes(root: Path) -> None:
    build(RUN_A, rows=120)
    with pytest.raises(ContractError):
        build(RUN_B, rows=7)
    refused = publish("promote", RUN_B)
    assert (refused.returncode, refused.stdout) == (10, "")
    assert len(refused.stderr.splitlines()) == 1
    command = refused.stderr.split("If that is right: ")[1].split()
    assert command == ["sms", "publish", "promote", RUN_B, "--accept-change"]
    done = publish(*command[2:])
    assert (done.returncode, done.stdout) == (0, f"run {RUN_B}: promoted\n")
    assert promoted(root) == RUN_B


def test_the_way_back_to_a_run_that_was_promoted_passes(root: Path) -> None:
    build(RUN_A, rows=120)
    build(RUN_B, rows=7, variables={"max_change": False})
    build(RUN_C, rows=120, promote=False)
    assert publish("promote", RUN_C).returncode == 10
    assert promoted(root) == RUN_B
    assert publish("promote", RUN_A).returncode == 0
    assert publish("promote", RUN_B).returncode == 0
    assert promoted(root) == RUN_B


def test_promoting_the_promoted_run_again_compares_nothing(root: Path) -> None:
    build(RUN_A, rows=120)
    (root / "latest").unlink()
    assert publish("promote", RUN_A).returncode == 0
    assert (root / "latest" / "sandbox1").is_dir()


def test_a_dry_run_is_guarded_when_it_is_promoted(root: Path) -> None:
    build(RUN_A, rows=120)
    build(RUN_B, rows=7, promote=False)
    assert publish("promote", RUN_B).returncode == 10
    assert promoted(root) == RUN_A


def test_a_build_is_compared_with_what_is_promoted_not_with_the_newest(
    root: Path,
) -> None:
    build(RUN_A, rows=120)
    with pytest.raises(ContractError):
        build(RUN_B, rows=7)
    with pytest.raises(ContractError, match=f"promoted run {RUN_A}: "):
        build(RUN_C, rows=7)


def _remove_run(root: Path) -> None:
    shutil.rmtree(root / "runs" / RUN_A)


def _change_manifest(root: Path) -> None:
    manifest = root / "runs" / RUN_A / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"rows": 120', '"rows": 7'))


def _damage_current(root: Path) -> None:
    (root / "current.json").write_text("{}")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_remove_run, f"run {RUN_A}: has no manifest"),
        (_change_manifest, f"run {RUN_A}: manifest.json: damaged"),
        (_damage_current, "current.json: run_id must be text"),
    ],
)
def test_what_cannot_be_compared_is_not_promoted(
    root: Path, damage: Callable[[Path], None], reason: str
) -> None:
    build(RUN_A, rows=120)
    damage(root)
    before = (root / "current.json").read_bytes()
    with pytest.raises(ContractError) as raised:
        build(RUN_B, rows=7)
    assert f"the promoted run ({reason}" in str(raised.value)
    assert (root / "current.json").read_bytes() == before
    done = publish("promote", RUN_B, "--accept-change")
    assert (done.returncode, promoted(root)) == (0, RUN_B)


def promoted(root: Path) -> str:
    """The promoted run."""
    run_id: str = json.loads((root / "current.json").read_text())["run_id"]
    return run_id

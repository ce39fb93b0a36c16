"""Nights of the sandbox from load to promotion, and what they compare."""

import json
import os
import re
import shutil
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from common.errors import ContractError
from ops.nightly.comparing import (
    compare_builds,
    compare_with_promoted,
    what_stands_against,
)
from ops.nightly.steps import Steps
from ops.nightly.summary import Night, render
from publish.local import LocalRoot
from publish.manifest import Manifest
from publish.promotion import load_promoted
from tests.e2e.conftest import first_time
from tests.e2e.project import UNIT_TESTS, Outcome, Project, read_json
from tests.nightly.nights import (
    new_night_project,
    night_project_at,
    record,
    summary,
)

STEPS = [
    *("load", "build", "build again", "compare both builds"),
    *("compare with the promoted run", "promote", "keep the database"),
]
PHONE = re.compile(r"\+1[0-9]{10}")


@pytest.fixture(scope="module")
def exported(shared: Path) -> tuple[Project, Outcome]:
    """A project after a night of exporting, and what that said.

    For tests that only read what the night has left.
    """
    folder, mark = shared / "night" / "project", shared / "night" / "said"
    with first_time(mark) as is_first:
        if is_first:
            project = new_night_project(folder)
            # Another build shows what they show.
            for unit_tests in (folder / "models").rglob(UNIT_TESTS):
                unit_tests.unlink()
            mark.write_text(project.run("sms", "nightly", "export", "--sandbox").output)
    return night_project_at(folder), Outcome(0, mark.read_text())


@pytest.fixture
def promoted(exported: tuple[Project, Outcome]) -> Manifest:
    """The manifest of the run that the night has promoted."""
    manifest = load_promoted(LocalRoot(exported[0].exports))
    assert manifest is not None
    return manifest


@pytest.fixture
def steps(tmp_path: Path) -> Iterator[Steps]:
    """Steps with a separate lock."""
    descriptor = os.open(tmp_path / "lock", os.O_CREAT | os.O_RDWR)
    yield Steps(descriptor)
    os.close(descriptor)


def test_a_night_of_exporting_promotes_what_it_built(
    exported: tuple[Project, Outcome],
) -> None:
    project, said = exported
    night = record(project)
    assert [step["name"] for step in night["steps"]] == STEPS
    assert all(step["exit_code"] == 0 for step in night["steps"])
    assert night["is_promoted"]
    assert project.current()["run_id"] == night["run_id"]
    assert project.marker()["run_id"] == night["run_id"]
    assert project.marker()["load_id"] == night["load_id"]
    *_, last, done = said.output.splitlines()
    assert last == f"Run {night['run_id']} is promoted"
    assert json.loads(done)["event"] == "night_done"
    assert json.loads(done)["run_id"] == night["run_id"]
    text = summary(project)
    assert text in said.output
    assert "5 files, the same bytes" in text
    assert "Nothing is promoted yet" in text
    assert project.run("sms", "nightly", "age", "--max", "1h")


def test_a_summary_stays_with_the_run_and_not_with_what_is_exported(
    exported: tuple[Project, Outcome],
) -> None:
    project, _ = exported
    kept = project.promoted()
    for name in ("summary.md", "night.json"):
        left = project.folder / ".nightly" / name
        assert (kept / name).read_bytes() == left.read_bytes()
        assert not list((project.exports / "latest").rglob(name))
        assert name not in (kept / "manifest.json").read_text()
    assert project.run("sms", "publish", "verify")


def test_a_night_tells_of_nobody_and_leaves_its_files_to_their_owner(
    exported: tuple[Project, Outcome],
) -> None:
    project, said = exported
    exports = project.exports / "latest" / "north" / "non_buyers.csv"
    phones = set(PHONE.findall(exports.read_text()))
    assert len(phones) > 10
    folder = project.folder / ".nightly"
    told = said.output + "".join(
        path.read_text() for path in folder.iterdir() if path.name != "lock"
    )
    assert not phones & set(PHONE.findall(told))
    for path in [folder, *folder.iterdir(), project.database]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    # The second build has served its purpose.
    assert not list(folder.glob("*.duckdb")) + list(folder.glob("again*"))


def test_a_plan_of_a_given_load_takes_variables_and_logs_one_trace(
    exported: tuple[Project, Outcome], tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    shutil.copytree(exported[0].folder, folder, symlinks=True)
    project = night_project_at(folder)
    load_id, current = project.marker()["load_id"], project.current()
    # Neither a portal nor the current load is needed.
    (project.landing / "current").unlink()
    said = project.run(
        *("sms", "nightly", "plan", "--load", load_id, "--log-format", "json"),
        *("--vars", "{export_formats: [csv, json], dedup_by: phone}"),
    )
    lines = [json.loads(line) for line in said.output.splitlines()]
    assert len({line["trace_id"] for line in lines}) == 1
    assert {"step_begun", "step_ended", "dbt", "summary"} < {
        line["event"] for line in lines
    }
    done, night = lines[-1], record(project)
    assert (done["event"], done["mode"]) == ("night_done", "plan")
    assert (done["run_id"], done["load_id"]) == (night["run_id"], load_id)
    assert (done["is_promoted"], done["obstacle"]) == (False, "it is a plan")
    assert done["counts"]["went"] > 0
    assert not PHONE.search(said.output)
    assert [step["name"] for step in night["steps"]] == [
        *("take the load", "build", "build again", "compare both builds"),
        *("compare with the promoted run", "keep the database"),
    ]
    run = project.exports / "runs" / night["run_id"]
    manifest = read_json(run / "manifest.json")
    assert manifest["variables"]["dedup_by"] == "phone"
    assert (run / "north" / "buyers.json").exists()
    assert project.current() == current
    assert not (project.landing / "current").exists()


def test_a_target_of_prod_refuses_a_folder_before_anything_is_built(
    tmp_path: Path,
) -> None:
    project = new_night_project(tmp_path / "project")
    refused = project.dbt("build", "--target", "prod", status=2)
    assert refused.output.splitlines()[-1] == (
        f"prod: EXPORT_ROOT is the folder {project.exports}: only s3://BUCKET/PREFIX "
        "is allowed"
    )
    # Not even the list was recorded there.
    assert not project.exports.exists()


def test_a_plan_whose_contract_fails_moves_nothing_and_says_which(
    exported: tuple[Project, Outcome], tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    shutil.copytree(exported[0].folder, folder, symlinks=True)
    project = night_project_at(folder)
    current, database = project.current(), project.database.read_bytes()
    wrong = project.folder / "tests" / "assert_nothing_is_left.sql"
    # All that comes after the seed is left out, which is much quicker.
    wrong.write_text("select * from {{ ref('portals') }}")
    failed = project.run("sms", "nightly", "plan", "--sandbox", status=1)
    last = failed.output.splitlines()[-1]
    assert last.startswith("sms: step build failed (exit code 1): ")
    assert "did not pass: assert_nothing_is_left (fail)" in last
    assert record(project)["obstacle"] == last.removeprefix("sms: ")
    assert project.current() == current
    assert project.database.read_bytes() == database


def test_builds_that_differ_fail_the_night(
    exported: tuple[Project, Outcome], promoted: Manifest, steps: Steps, tmp_path: Path
) -> None:
    one, other = tmp_path / "one.duckdb", tmp_path / "other.duckdb"
    for copy in (one, other):
        shutil.copy(exported[0].database, copy)
    night = Night("plan")
    compare_builds(steps, night, (one, other), (promoted, promoted))
    assert night.notes == ["The load was built twice: 5 files, the same bytes."]

    changed = replace(promoted.files[0], sha256="0" * 64)
    differing = replace(promoted, files=(changed, *promoted.files[1:]))
    with pytest.raises(ContractError, match=rf"0 rows, and files: {changed.path}$"):
        compare_builds(steps, night, (one, other), (promoted, differing))

    with duckdb.connect(other) as data:
        data.execute(
            "update marts.audience_members set first_name = 'X' where subject_uuid = "
            "(select min(subject_uuid) from marts.audience_members where is_exported)"
        )
    with pytest.raises(ContractError, match=r"differs: [1-9]\d* rows, and files: no"):
        compare_builds(steps, night, (one, other), (promoted, promoted))
    assert "<code>first_name</code>" in night.audience_diff


def test_a_run_is_compared_with_the_promoted_one_and_its_database(
    exported: tuple[Project, Outcome],
    promoted: Manifest,
    steps: Steps,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project, _ = exported
    monkeypatch.setenv("EXPORT_ROOT", str(project.exports))
    built = tmp_path / "built.duckdb"
    shutil.copy(project.database, built)
    load = read_json(project.landing / "loads" / promoted.about.load_id / "load.json")
    root, night = (
        LocalRoot(project.exports),
        Night("plan", (), load, promoted.about.run_id, promoted),
    )
    found = compare_with_promoted(steps, night, root, (project.database, built))
    assert found == promoted
    assert night.difference["total"]["came"] == 0
    assert "The same people are texted" in render(night)
    assert "### What comes and goes" in render(night)

    night = Night("plan", (), load, promoted.about.run_id, promoted)
    compare_with_promoted(steps, night, root, (tmp_path / "none.duckdb", built))
    assert "Fates are not compared" in render(night)


def test_a_plan_says_if_its_run_would_be_held_back(
    exported: tuple[Project, Outcome], promoted: Manifest, tmp_path: Path
) -> None:
    root = LocalRoot(tmp_path / "exports")
    shutil.copytree(exported[0].exports, root.folder, symlinks=True)
    assert what_stands_against(root, promoted).startswith("it is a plan")
    # Otherwise it is a way back, which may differ.
    shutil.rmtree(root.folder / "promotions")
    fewer = tuple(replace(file, rows=0) for file in promoted.files)
    reason = what_stands_against(root, replace(promoted, files=fewer))
    assert "differ by more than max_change" in reason

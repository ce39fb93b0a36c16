"""Builds whose list was lost, cut or mangled text nobody who has said stop."""

import csv
import os
import subprocess
import time

import pytest

from publish.local import LocalRoot
from publish.manifest import Manifest, Suppressions
from publish.promotion import load_promoted
from publish.suppressions.entries import suppressions_csv
from publish.suppressions.ledger import read_ledger
from tests.e2e.conftest import FORMATS
from tests.e2e.project import BIN, Project, publication

HEADER = "channel,address,suppressed_at,reason\n"
# Later than any grant of the sandbox.
AT = "2026-11-24T12:00:00Z"


def manifest(project: Project) -> Manifest:
    """The promoted run's manifest."""
    found = load_promoted(LocalRoot(project.exports))
    assert found is not None
    return found


def decided_by(project: Project) -> Suppressions:
    """What the promoted run was decided by."""
    found = manifest(project).suppressions
    assert found is not None
    return found


def texted(project: Project) -> set[str]:
    """The phones of the promoted run."""
    phones = set()
    for path in project.promoted().glob("*/*.csv"):
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                phones |= {row["phone_number"], row["phone_number_2"]}
    return phones - {""}


def with_list(project: Project, *lines: str) -> Project:
    """The project with a list of these lines."""
    path = project.exports.with_name("list.csv")
    path.write_text(HEADER + "".join(f"{line}\n" for line in lines))
    return project.with_environment(SUPPRESSIONS_CSV=str(path))


def stops(*phones: str) -> list[str]:
    return [f"sms,{phone},{AT},STOP" for phone in phones]


@pytest.mark.timeout(600)
def test_a_mangled_empty_or_missing_list_brings_nobody_back(promoted: Project) -> None:
    """R9, in one row of builds: each begins with what the one before left."""
    promoted_at_first = promoted.current()["run_id"]
    first, *others = sorted(texted(promoted))
    stopped, another = {*others[:4]}, others[4]

    # A spreadsheet has made decimal numbers of the phones: repaired.
    project = with_list(promoted, *stops(*(f"{phone[1:]}.0" for phone in stopped)))
    assert "4 phones repaired" in project.dbt("build", variables=FORMATS).output
    assert decided_by(project).listed.repaired == 4  # type: ignore[union-attr]
    assert texted(project).isdisjoint(stopped)
    assert first in texted(project)

    # It has cut another: the build stops, and what can be read is recorded.
    before = publication(project)
    cut = with_list(project, *stops(another, "1.20656E+10", "1.20656E+10"))
    said = cut.dbt("build", variables=FORMATS, status=2).output
    assert "2 of 3 lines cannot be read, and 0 are allowed" in said
    assert "lines 3, 4: a spreadsheet has cut its phone to a few digits" in said
    assert "in macro" not in said and "20656E" not in said
    assert publication(cut) == before
    stopped.add(another)

    # The list has lost its lines.
    empty = with_list(project)
    empty.dbt("build", variables=FORMATS)
    assert texted(empty).isdisjoint(stopped)
    assert first in texted(empty)
    held = decided_by(empty)
    assert held.listed is not None
    assert (held.listed.rows, held.listed.added) == (0, 0)
    assert held.listed.gone == sum(held.suppressed.values())

    # A build is killed once it has recorded another stop.
    another = min(texted(empty) - {first})
    before = publication(empty)
    kill_once_recorded(with_list(empty, *stops(another)))
    assert publication(empty) == before
    stopped.add(another)
    held = read_ledger(LocalRoot(project.exports)).facts()

    # There is no list any more.
    gone = project.with_environment(SUPPRESSIONS_CSV="")
    count = f"{sum(held.suppressed.values()):,}"
    said = gone.dbt("build", variables=FORMATS).output
    assert f"No list; the ledger holds {count} suppressions." in said
    assert "NO SUPPRESSIONS" not in said
    assert texted(gone).isdisjoint(stopped)
    assert decided_by(gone).listed is None
    assert decided_by(gone).matched
    the_run_says_what_it_was_decided_by(gone)
    the_way_back_is_without_them(gone, str(promoted_at_first), stopped)
    assert first in texted(gone)


def kill_once_recorded(project: Project) -> None:
    """Start a build, and kill it when it has recorded its list."""
    root = LocalRoot(project.exports)
    known = root.list_files("suppressions")
    with subprocess.Popen(
        [BIN / "dbt", "build"],
        cwd=project.folder,
        env={**project.environment, "PATH": os.environ["PATH"]},
        stdout=subprocess.DEVNULL,
    ) as build:
        while root.list_files("suppressions") == known:
            assert build.poll() is None
            time.sleep(0.01)
        build.kill()


def the_way_back_is_without_them(
    project: Project, run_id: str, stopped: set[str]
) -> None:
    """A run from before their stop is promoted without them, or not at all."""
    before = publication(project)
    promote = ("sms", "publish", "promote", run_id)
    for option in ((), ("--accept-change",)):
        said = project.run(*promote, *option, status=10).output
        assert "people in it have said stop since" in said
        assert f"sms publish promote {run_id} --leave-out-suppressed" in said
    assert publication(project) == before
    project.run(*promote, "--leave-out-suppressed")
    assert manifest(project).about.derived_from == run_id
    assert texted(project).isdisjoint(stopped)
    assert "said stop since" in project.run("sms", "publish", "refresh").output


def the_run_says_what_it_was_decided_by(project: Project) -> None:
    path = project.promoted() / "suppressions.csv"
    ledger = read_ledger(LocalRoot(project.exports))
    assert path.read_text() == suppressions_csv(ledger.suppressed)
    assert path.stat().st_mode & 0o777 == 0o600
    file = next(f for f in manifest(project).files if f.path == path.name)
    assert (file.rows, file.sha256) == (
        len(ledger.suppressed),
        decided_by(project).digest,
    )
    assert decided_by(project).segments == ledger.segments
    assert not list((project.exports / "latest").rglob(path.name))

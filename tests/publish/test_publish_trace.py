"""`sms publish trace`: where an address was, on what evidence, and who promoted it."""

import json
from pathlib import Path

import pytest

from publish.root import Root
from tests.publish.people import ACTIVITY, JOB, PORTAL, Person, build_people, promoted
from tests.publish.publishing import RUN_A, RUN_B, RUN_C, publish, write_file
from tests.roots import KINDS, use_root
from tests.suppressions.writing import A, B

LATER = "2025-01-06T00:00:00Z"
EMAIL = "kim@example.com"


@pytest.fixture(params=KINDS)
def root(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Root:
    """Point EXPORT_ROOT to a root with three runs, of which one is unfinished."""
    found = use_root(request, tmp_path, monkeypatch, request.param)
    people = [Person("s1", A, grant=LATER, email=EMAIL), Person("s2", B, A)]
    build_people(RUN_A, people, formats=("csv", "json"))
    build_people(RUN_B, [Person("s2", B)])
    write_file(RUN_C, "exclusions.csv", "portal\n", 0)
    return found


def test_every_kept_run_is_searched(root: Root) -> None:
    done = publish("trace", "--phone", A, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert A not in done.stdout
    third, second, first = found["runs"]
    assert third == {"run_id": RUN_C, "promotions": [], "rows": None}
    assert (second["run_id"], second["rows"]) == (RUN_B, [])
    current = promoted(root)
    assert second["promotions"] == [
        {name: current[name] for name in ("promoted_at", "promoted_by")}
    ]
    place = {"portal": PORTAL, "job_uuid": JOB, "activity_uuid": ACTIVITY}
    assert first["rows"] == [
        {
            **place,
            "subject_uuid": "s1",
            "audience": "buyers",
            "columns": ["phone_number"],
            "basis": "explicit",
            "dated_by": "field",
            "consented_at": LATER,
            "route": "delivery_1",
        },
        {
            **place,
            "subject_uuid": "s2",
            "audience": "buyers",
            "columns": ["phone_number_2"],
            "basis": "webshop",
            "dated_by": "starting",
            "consented_at": "2025-01-01T00:00:00Z",
            "route": None,
        },
    ]


def test_it_reads_well(root: Root) -> None:
    lines = publish("trace", "--email", EMAIL.upper(), "--show").stdout.splitlines()
    by = promoted(root)["promoted_by"]
    assert lines[0] == EMAIL
    assert lines[1] == f"Run {RUN_C}: not searched: it has no whole manifest"
    assert lines[2] == f"Run {RUN_B}: not in it"
    assert lines[4] == f"Run {RUN_A}: 1 row"
    assert lines[5].startswith("  promoted 20")
    assert lines[5].endswith(f"Z by {by}")
    assert lines[6] == (
        f"  {PORTAL} buyers: job {JOB}, activity {ACTIVITY}, subject s1: email, route "
        f"subject; explicit consent of {LATER}, dated by field"
    )


@pytest.mark.usefixtures("root")
def test_an_address_is_required_and_in_no_error() -> None:
    for arguments in ((), ("--phone", "5550100"), ("--phone", A, "--email", EMAIL)):
        done = publish("trace", *arguments)
        assert done.returncode == 2
        assert "5550100" not in done.stderr

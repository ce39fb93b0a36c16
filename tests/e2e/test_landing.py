"""A load that something else wrote is built from, and not pruned meanwhile."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.e2e.conftest import PORTALS, at_address
from tests.e2e.project import BIN, SOURCE, Project, new_project, read_json

NEWER = "29990101T000000000000Z-00000000"
# Without the tests of the models, which need not hold for this load in particular.
BUILD = ("build", "--exclude-resource-type", "test", "unit_test")
SCHOOLS = """\
school,on_sale_since,child,first_name,phone,bought,code
Hill,2026-01-02,c1,Ada,202-555-0101,true,AAA
Hill,2026-01-02,c2,Bo,202-555-0102,false,BBB
Lake,2026-01-02,c3,Cy,n/a,false,CCC
"""


@pytest.fixture
def landed(tmp_path: Path) -> Project:
    """A project with the load that the example of docs/landing.md writes."""
    project = new_project(
        tmp_path / "project", [*at_address("http://127.0.0.1:9").values()]
    )
    (project.folder / "schools.csv").write_text(SCHOOLS)
    document = (SOURCE / "docs" / "landing.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)
    north = code.replace('PORTAL = "sandbox1"', f'PORTAL = "{PORTALS["1"].portal}"')
    done = subprocess.run(
        [sys.executable, "-c", north, "schools.csv"],
        cwd=project.folder,
        env=project.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return project


def test_a_load_of_another_source_is_built_and_stays_meanwhile(landed: Project) -> None:
    load_id = (landed.landing / "current").readlink().name
    assert landed.run("sms", "extract", "loads").output.startswith(f"* {load_id}  ")
    build = subprocess.Popen(
        [BIN / "dbt", *BUILD, "--vars", "{as_of: 2026-02-01}"],
        cwd=landed.folder,
        env={**landed.environment, "PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert build.stdout is not None
    try:
        while f"Reading load {load_id}" not in (line := build.stdout.readline()):
            assert line
        build.send_signal(signal.SIGSTOP)
        make_newer(landed.landing, load_id)
        meanwhile = landed.run("sms", "extract", "prune", "--keep", "0").output
        build.send_signal(signal.SIGCONT)
        output, _ = build.communicate(timeout=240)
    finally:
        build.kill()
    assert build.returncode == 0, output
    assert f"kept     {load_id}  a build or a load reads it\n" in meanwhile
    after = landed.run("sms", "extract", "prune", "--keep", "0").output
    assert f"removed  {load_id}  0 days old\n" in after
    with duckdb.connect(landed.database, read_only=True) as data:
        rows = data.sql(
            "select subject_uuid, audience, exclusion_reason, phone_number, "
            "access_code from marts.audience_members order by subject_uuid"
        )
        assert rows.fetchall() == [
            ("c1", "buyers", None, "+12025550101", "AAA"),
            ("c2", "non_buyers", None, "+12025550102", "BBB"),
            ("c3", "non_buyers", "contact_invalid", None, "CCC"),
        ]


def make_newer(landing: Path, load_id: str) -> None:
    """Make a newer load of the same rows current."""
    newer = landing / "loads" / NEWER
    shutil.copytree(landing / "loads" / load_id, newer)
    facts = read_json(newer / "load.json") | {"load_id": NEWER}
    (newer / "load.json").write_text(json.dumps(facts))
    (landing / "current").unlink()
    (landing / "current").symlink_to(f"loads/{NEWER}")

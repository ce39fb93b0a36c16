"""Faults by name: what can be asked for, when one is played, and what the help says."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from extract.sandbox import SANDBOX_PASSWORD, SANDBOX_USERNAME, World, serve
from extract.sandbox.faults import FAULTS, playing

SMS = Path(sys.executable).with_name("sms")
AUTH = (SANDBOX_USERNAME, SANDBOX_PASSWORD)
ON_SALE = "/1/api/v1/activities/search?status_id=in-webshop"


def test_a_fault_is_played_at_its_kind_of_request(world: World) -> None:
    job, *_ = world["portals"]["1"]["jobs"]
    faults = [playing("status:418", "job", 2), playing("status:599", "job", 1)]
    with serve(world, faults=faults) as sandbox:

        def status(path: str) -> int:
            return httpx.get(sandbox.url + path, auth=AUTH).status_code

        assert status(ON_SALE) == 200
        statuses = [status(f"/1/api/v1/jobs/{job}") for _ in range(4)]
        assert statuses == [418, 418, 599, 200]
        assert [fault.played for fault in faults] == [2, 1]
        wrong = httpx.get(f"{sandbox.url}/1/api/v1/jobs/{job}", auth=("x", "y"))
        assert wrong.status_code == 401


@pytest.mark.parametrize(
    ("text", "at", "reason"),
    [
        ("refuse", None, "unknown fault 'refuse'"),
        ("html:1", None, "html takes no argument"),
        ("status:soon", None, "status takes a number"),
        ("dirt:mud", None, "dirt takes one of nul, surrogate, "),
        (
            "html",
            "jobs",
            "unknown kind of request 'jobs': must be one of activities, job, ",
        ),
    ],
)
def test_an_unknown_fault_is_an_error(text: str, at: str | None, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        playing(text, at)


def test_the_command_lists_the_faults_and_refuses_others() -> None:
    def said(*arguments: str) -> tuple[int, str]:
        command = [str(SMS), "extract", "sandbox", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    status, text = said("--help")
    listed = {line.split()[0].partition(":")[0] for line in text.splitlines() if line}
    assert status == 0
    assert listed >= {*FAULTS}
    status, text = said("--fault", "mud")
    assert status == 2
    assert "unknown fault 'mud'" in text

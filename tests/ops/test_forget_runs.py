"""`sms forget` in an export root, a folder or a bucket."""

import json
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from publish.root import Root
from publish.staging import claim, drop
from tests.publish.killing import killer, root_of
from tests.publish.people import Person, build_people, promoted, subjects
from tests.publish.publishing import RUN_A, RUN_B, RUN_C, SMS, write_file
from tests.roots import KINDS, use_root
from tests.storage.server import BUCKET, Server
from tests.suppressions.writing import A, B, add, row

NOON = "2025-01-05T12:00:00Z"
MOST_STEPS = 80


@pytest.fixture(params=KINDS)
def root(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Root:
    """Point EXPORT_ROOT to a root with a run of A, and then one without, promoted."""
    for name, place in (("LANDING_DIR", "landing"), ("DUCKDB_PATH", "x.duckdb")):
        monkeypatch.setenv(name, str(tmp_path / place))
    monkeypatch.delenv("LANDING_STORE", raising=False)
    found = use_root(request, tmp_path, monkeypatch, request.param)
    build_people(RUN_A, [Person("s1", A), Person("s2", B)], formats=("csv", "json"))
    build_people(RUN_B, [Person("s2", B)], formats=("csv", "json"))
    return found


def forget(*arguments: str) -> tuple[int, dict[str, Any], str]:
    done = subprocess.run(
        [SMS, "forget", "--phone", A, "--json", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert A not in done.stdout + done.stderr
    return done.returncode, json.loads(done.stdout), done.stderr


def naming(root: Root) -> list[str]:
    """Return the files that have the phone, past the project's own search.

    The table of what a run was decided by keeps it, as the ledger does.
    """
    found = []
    for key in ("runs", "latest", "promotions"):
        for path in root.list_files(key):
            content = root.read(f"{key}/{path}")
            assert content is not None
            if A.encode() in content and not path.endswith("/suppressions.csv"):
                found.append(f"{key}/{path}")
    for staged in root.staging.rglob("*"):
        if staged.is_file() and A.encode() in staged.read_bytes():
            found.append(staged.name)
    return found


def runs(root: Root) -> set[str]:
    """Return the runs that have a file; the server can list empty folders."""
    return {path.split("/")[0] for path in root.list_files("runs")}


def test_runs_and_staged_files_go_and_the_ledger_stays(
    root: Root, tmp_path: Path
) -> None:
    add(root, tmp_path, row(A, NOON))
    staged = root.staging / RUN_C / "north" / "buyers.csv"
    staged.parent.mkdir(parents=True)
    staged.write_text(f"phone_number\n{A}\n")
    assert len(naming(root)) == 3
    code, said, _ = forget("--dry-run")
    assert (code, said["erased"]) == (0, {"runs removed": 1})
    assert len(naming(root)) == 3
    code, said, errors = forget()
    assert (code, errors) == (0, "")
    assert said["erased"] == {"runs removed": 1}
    assert said["promoted_run"] is None
    assert naming(root) == []
    assert runs(root) == {RUN_B}
    assert subjects(root) == ["s2"]
    assert A.encode() in b"".join(
        root.read(f"suppressions/{name}") or b""
        for name in root.list_files("suppressions")
    )


def test_the_promoted_run_stays_until_a_refresh(root: Root, tmp_path: Path) -> None:
    subprocess.run([SMS, "publish", "promote", RUN_A], check=True, capture_output=True)
    code, said, errors = forget()
    assert (code, said["promoted_run"]) == (10, RUN_A)
    assert f"the promoted run {RUN_A} and latest/ still have the person" in errors
    assert len(naming(root)) == 4
    add(root, tmp_path, row(A, NOON))
    assert "`sms publish refresh`" in forget()[2]
    subprocess.run([SMS, "publish", "refresh"], check=True, capture_output=True)
    assert forget()[0] == 0
    assert naming(root) == []
    assert subjects(root) == ["s2"]


def test_copies_that_a_killed_promotion_left_go_too(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run([SMS, "publish", "promote", RUN_A], check=True, capture_output=True)

    class KilledError(Exception):
        pass

    def be_killed(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as killed, pytest.raises(KilledError):
        killed.setattr(type(root), "show_latest", be_killed)
        build_people(RUN_C, [Person("s2", B)])
    assert promoted(root)["run_id"] == RUN_C
    assert any(path.startswith("latest/") for path in naming(root))
    assert forget()[0] == 0
    assert naming(root) == []
    assert subjects(root) == ["s2"]


def test_a_run_that_is_being_written_is_one_line(root: Root) -> None:
    write_file(RUN_C, "exclusions.csv", f"portal\n{A}\n", 1)
    claim(root.staging, RUN_C, "north/buyers.csv")
    done = subprocess.run(
        [SMS, "forget", "--phone", A], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.count("\n")) == (30, 1)
    drop(root.staging, RUN_C)
    assert forget()[0] == 0
    assert naming(root) == []


def test_the_next_run_finishes_what_a_killed_one_began(
    root: Root, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with killer() as start:
        for step in range(1, MOST_STEPS, 2):
            place = root_of(_copy(root, step, request))
            status = start(step, "forget", place.address(), A)
            assert status in (0, -signal.SIGKILL)
            assert promoted(place)["run_id"] == RUN_B
            assert subjects(place) == ["s2"]
            assert start(0, "forget", place.address(), A) == 0
            assert naming(place) == []
            assert runs(place) == {RUN_B}
            assert subjects(place) == ["s2"]
            if status == 0:
                break
    assert status == 0


def _copy(root: Root, step: int, request: pytest.FixtureRequest) -> str:
    """Return the address of a copy of a root."""
    address = f"{root.address()}-{step}"
    if not address.startswith("s3://"):
        shutil.copytree(root.address(), address, symlinks=True)
        return address
    server: Server = request.getfixturevalue("s3_server")
    client = server.client()
    prefix, target = (
        a.removeprefix(f"s3://{BUCKET}/") for a in (root.address(), address)
    )
    for key in ("runs", "latest", "promotions", "current.json"):
        below = [f"{key}/{path}" for path in root.list_files(key)] or [key]
        for name in below:
            client.copy_object(
                Bucket=BUCKET,
                Key=f"{target}/{name}",
                CopySource={"Bucket": BUCKET, "Key": f"{prefix}/{name}"},
            )
    return address

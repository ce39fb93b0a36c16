"""Files that go up in parts, and what becomes of those that do not get there."""

import signal
import subprocess
import sys
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from common.errors import StorageError
from publish import s3_writing
from publish.run import export_begin
from publish.settings import export_root
from publish.staging import claim, drop
from tests.publish.killing import killer
from tests.publish.publishing import RUN_A, RUN_B, write_file
from tests.publish.remote import Remote
from tests.storage.proxy import (
    Request,
    answers,
    flips_a_bit_up,
    loses_the_answer,
)

BUYERS = "sandbox1/buyers.csv"
KEY = f"runs/{RUN_A}/{BUYERS}"
LARGE = "".join(f"{number},a\n" for number in range(1_200_000))


def test_a_large_file_goes_up_in_parts_with_checksums(remote: Remote) -> None:
    with remote.behind_proxy() as proxy:
        digest = write_file(RUN_A, BUYERS, LARGE, 0)
    assert remote.read(KEY) == LARGE.encode()
    assert remote.head(KEY)["Metadata"] == {"run": RUN_A, "sha256": digest}
    parts = [r for r in proxy.requests if "partNumber" in r.target]
    assert len(parts) == 2
    for part in parts:
        checksum = b64decode(_header(part, "x-amz-checksum-sha256"))
        assert checksum == sha256(part.body).digest()
    last = [r for r in proxy.requests if r.method == "POST"][-1]
    assert _header(last, "if-none-match") == "*"
    assert remote.uploads() == []


def _header(request: Request, name: str) -> str:
    return {key.lower(): value for key, value in request.headers}[name]


def test_a_large_file_is_written_once(remote: Remote) -> None:
    remote.put(KEY, b"here first")
    with pytest.raises(StorageError, match="written once"):
        write_file(RUN_A, BUYERS, LARGE, 0)
    assert remote.read(KEY) == b"here first"
    assert remote.uploads() == []


def test_a_lost_answer_to_the_last_request_is_no_error(remote: Remote) -> None:
    with remote.behind_proxy() as proxy:
        proxy.play(loses_the_answer, "POST", "uploadId", times=1)
        write_file(RUN_A, BUYERS, LARGE, 0)
    assert remote.read(KEY) == LARGE.encode()


def test_a_conflict_begins_the_upload_anew(remote: Remote) -> None:
    with remote.behind_proxy() as proxy:
        conflict = answers(409, "ConditionalRequestConflict")
        proxy.play(conflict, "POST", "uploadId", times=1)
        write_file(RUN_A, BUYERS, LARGE, 0)
    assert proxy.count("POST", "uploads") == 2
    assert remote.read(KEY) == LARGE.encode()
    assert remote.uploads() == []


def test_an_upload_that_is_aborted_meanwhile_is_said_to_be(remote: Remote) -> None:
    with remote.behind_proxy() as proxy:
        proxy.play(answers(404, "NoSuchUpload"), "POST", "uploadId")
        with pytest.raises(StorageError, match="answered with NoSuchUpload"):
            write_file(RUN_A, BUYERS, LARGE, 0)
    assert remote.files() == []


def test_a_part_that_is_damaged_on_its_way_is_refused(remote: Remote) -> None:
    with remote.behind_proxy() as proxy:
        proxy.play(flips_a_bit_up, "PUT", "partNumber=2")
        with pytest.raises(StorageError, match="the file was damaged in transit"):
            write_file(RUN_A, BUYERS, LARGE, 0)
    assert remote.files() == []
    assert remote.uploads() == []


def test_a_file_that_cannot_be_copied_to_latest_is_refused(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_writing, "MOST_BYTES", 3)
    with pytest.raises(StorageError, match=f"^{remote.address}/{KEY}: is larger than"):
        write_file(RUN_A, BUYERS, "a\n1\n", 1)
    assert remote.files() == []


def test_an_upload_killed_at_any_request_is_invisible_and_aborted(
    remote: Remote,
) -> None:
    # By its age, it could be in the making on another machine.
    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}Z-aaaaaaaa"
    seen = set()
    with killer() as start:
        for step in range(1, 30):
            status = start(step, "upload", remote.address, run_id)
            assert status in (0, -signal.SIGKILL)
            files, uploads = remote.files(), remote.uploads()
            seen.add((len(files), len(uploads)))
            export_begin()
            assert (remote.files(), remote.uploads()) == (files, [])
            if status == 0:
                break
            remote.delete(*files)
    assert seen == {(0, 0), (0, 1), (1, 0)}


def test_only_what_no_run_in_the_making_needs_is_aborted(remote: Remote) -> None:
    now = datetime.now(UTC)
    young, old = (
        f"{now - timedelta(hours=hours):%Y%m%dT%H%M%S%f}Z-aaaaaaaa" for hours in (5, 7)
    )
    kept = [KEY, f"runs/{young}/{BUYERS}", "latest/sandbox1/buyers.csv", "else"]
    for key in (*kept, f"runs/{old}/{BUYERS}", f"runs/{RUN_B}/{BUYERS}", "runs/x"):
        remote.begin_upload(key)
    holder = _holder()
    assert holder.stdout is not None
    assert holder.stdout.readline() == "holds\n"
    export_begin()
    assert sorted(remote.uploads()) == sorted(kept)
    holder.communicate()
    export_begin()
    assert sorted(remote.uploads()) == sorted(kept[1:])


def _holder() -> subprocess.Popen[str]:
    """Start another process that has a file of a run in the making."""
    code = (
        "import sys; from publish.run import export_staging_path;"
        f"export_staging_path({RUN_A!r}, {BUYERS!r});"
        "print('holds', flush=True); sys.stdin.read()"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_an_upload_of_this_very_process_is_kept(remote: Remote) -> None:
    staging = export_root().staging
    claim(staging, RUN_A, BUYERS)
    remote.begin_upload(KEY)
    export_begin()
    assert remote.uploads() == [KEY]
    drop(staging, RUN_A)


def test_another_that_aborts_at_the_same_time_is_no_error(remote: Remote) -> None:
    remote.begin_upload(KEY)
    with remote.behind_proxy() as proxy:
        proxy.play(answers(404, "NoSuchUpload"), "DELETE", "uploadId")
        export_begin()
    assert proxy.count("DELETE", "uploadId") == 1

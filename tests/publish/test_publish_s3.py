"""A bucket as the export root: the layout, the writes, and what is refused."""

import json
from base64 import b64decode
from dataclasses import replace
from hashlib import sha256

import pytest

from common.errors import (
    CommandError,
    ContractError,
    LostRaceError,
    StorageError,
)
from publish import promotion
from publish.run import export_begin, export_finish
from publish.settings import export_root
from tests.publish.publishing import (
    RUN_A,
    RUN_B,
    audience_paths,
    build,
    csv_text,
    facts,
    write_file,
    write_files,
)
from tests.publish.remote import Remote, promote
from tests.storage.proxy import Answer, Forward, Request, answers
from tests.storage.server import BUCKET

BUYERS = "sandbox1/buyers.csv"
OTHER_PORTAL = "sandbox3/buyers.csv"


def verify(run_id: str) -> list[str]:
    """Return what is wrong with a run."""
    return promotion.verify(export_root(), run_id)


def test_a_build_leaves_the_layout_of_a_folder(remote: Remote) -> None:
    run = f"{remote.address}/runs/{RUN_A}"
    assert build(RUN_A) == {
        "run_id": RUN_A,
        "promoted": True,
        "files": 5,
        "manifest": f"{run}/manifest.json",
        "folder": run,
        "latest": f"{remote.address}/latest",
    }
    names = [*audience_paths(), "exclusions.csv", "manifest.json"]
    log = remote.files("promotions/")
    assert [name.endswith(f"Z-{RUN_A}.json") for name in log] == [True]
    assert sorted(remote.files()) == sorted(
        [
            "current.json",
            *log,
            *(f"latest/{path}" for path in audience_paths()),
            *(f"runs/{RUN_A}/{name}" for name in names),
        ]
    )
    current = json.loads(remote.read("current.json"))
    manifest = remote.read(current["manifest"])
    assert current["manifest_sha256"] == sha256(manifest).hexdigest()
    assert (remote.promoted(), remote.shown()) == (RUN_A, RUN_A)
    assert verify(RUN_A) == []


def test_moving_there_and_back(remote: Remote) -> None:
    build(RUN_A)
    build(RUN_B)
    assert (remote.promoted(), remote.shown()) == (RUN_B, RUN_B)
    assert promote(RUN_A)
    assert (remote.promoted(), remote.shown()) == (RUN_A, RUN_A)
    with remote.behind_proxy() as proxy:
        assert not promote(RUN_A)
    assert proxy.count("PUT", "") == proxy.count("DELETE", "") == 0


def test_a_file_says_what_it_is(remote: Remote) -> None:
    build(RUN_A)
    for key, content in remote.tree().items():
        about = remote.head(key)
        digest = sha256(content).hexdigest()
        assert about["Metadata"] == {"run": RUN_A, "sha256": digest}
        is_csv = key.endswith(".csv")
        kind = "text/csv; charset=utf-8" if is_csv else "application/json"
        assert about["ContentType"] == kind
        assert "ServerSideEncryption" not in about


def test_a_server_may_write_headers_in_capitals(remote: Remote) -> None:
    def in_capitals(request: Request, forward: Forward) -> Answer:
        answer = forward(request)
        headers = [(name.title(), value) for name, value in answer.headers]
        return replace(answer, headers=headers)

    build(RUN_A)
    with remote.behind_proxy() as proxy:
        for method in ("GET", "HEAD", "PUT"):
            proxy.play(in_capitals, method, "")
        build(RUN_B)
        assert verify(RUN_B) == []


def test_every_write_has_a_checksum_and_a_run_s_is_only_if_absent(
    remote: Remote,
) -> None:
    build(RUN_A)
    with remote.behind_proxy() as proxy:
        build(RUN_B)
    writes = [request for request in proxy.requests if request.method == "PUT"]
    assert len(writes) == 12
    for write in writes:
        headers = {name.lower(): value for name, value in write.headers}
        if "/latest/" in write.target:
            assert headers["x-amz-copy-source"].startswith(f"{BUCKET}/{remote.prefix}")
            continue
        digest = b64decode(headers["x-amz-checksum-sha256"])
        assert digest == sha256(write.body).digest()
        is_current = write.target.endswith("/current.json")
        assert ("if-match" in headers) == is_current
        assert (headers.get("if-none-match") == "*") != is_current


def test_the_first_promotion_is_only_if_there_was_none(remote: Remote) -> None:
    build(RUN_A, promote=False)
    build(RUN_B)
    before = remote.tree()
    with pytest.raises(LostRaceError, match=f"{RUN_A}: another run was promoted"):
        promotion.promote(export_root(), RUN_A, "")
    assert remote.tree() == before


def test_a_file_is_written_once(remote: Remote) -> None:
    write_file(RUN_A, BUYERS, "a\n1\n", 1)
    with pytest.raises(StorageError, match=f"^{remote.address}/runs/.* written once"):
        write_file(RUN_A, BUYERS, "a\n2\n", 1)
    assert remote.read(f"runs/{RUN_A}/{BUYERS}") == b"a\n1\n"


def test_a_finished_run_takes_no_more_files(remote: Remote) -> None:
    build(RUN_A)
    with pytest.raises(ContractError, match="is finished"):
        write_file(RUN_A, OTHER_PORTAL, "a\n", 0)
    with pytest.raises(CommandError):
        export_finish(json.dumps(facts(RUN_A)))


def test_files_are_read_back_before_there_is_a_manifest(remote: Remote) -> None:
    build(RUN_B)
    before = remote.tree("latest/"), remote.read("current.json")
    export_begin()
    write_files(RUN_A)
    key = f"runs/{RUN_A}/{BUYERS}"
    remote.put(key, remote.read(key).replace(b"0123", b"0124"))
    with pytest.raises(ContractError, match=r"buyers\.csv: damaged"):
        export_finish(json.dumps(facts(RUN_A)))
    assert f"runs/{RUN_A}/manifest.json" not in remote.files()
    assert (remote.tree("latest/"), remote.read("current.json")) == before


def test_latest_holds_no_portal_that_is_no_longer_exported(remote: Remote) -> None:
    given = facts(RUN_A)
    added = {**given["files"][0], "path": OTHER_PORTAL, "portal": "sandbox3"}
    given["files"].append(added)
    given["counts"].append({**given["counts"][0], "portal": "sandbox3"})
    export_begin()
    write_files(RUN_A)
    write_file(RUN_A, OTHER_PORTAL, csv_text(RUN_A, "sandbox3", 3), 3)
    export_finish(json.dumps(given))
    assert f"latest/{OTHER_PORTAL}" in remote.files()
    remote.put("latest/sandbox1/", b"")
    build(RUN_B)
    assert remote.shown() == RUN_B
    assert verify(RUN_B) == []


def test_what_is_not_as_it_was_is_not_promoted(remote: Remote) -> None:
    build(RUN_A)
    build(RUN_B, promote=False)
    before = remote.tree("latest/"), remote.read("current.json")
    key = f"runs/{RUN_B}/{BUYERS}"
    remote.put(key, remote.read(key).upper())
    with pytest.raises(ContractError, match=r"buyers\.csv: damaged"):
        promote(RUN_B)
    remote.delete(key)
    with pytest.raises(ContractError, match=r"buyers\.csv: missing"):
        promote(RUN_B)
    assert (remote.tree("latest/"), remote.read("current.json")) == before


def test_damaged_copies_are_put_right(remote: Remote) -> None:
    build(RUN_A)
    for repair in (export_begin, lambda: promote(RUN_A)):
        remote.put("latest/sandbox1/buyers.csv", b"torn")
        remote.delete("latest/sandbox1/non_buyers.csv")
        remote.put("latest/more/buyers.csv", b"more")
        assert verify(RUN_A) == ["latest: does not show this run"]
        repair()
        assert (verify(RUN_A), remote.shown()) == ([], RUN_A)


def test_a_lost_current_json_is_replaced(remote: Remote) -> None:
    unguarded = {"max_change": False}
    build(RUN_A, variables=unguarded)
    for content in (b"", b"{}", b"\xff"):
        remote.put("current.json", content)
        with pytest.raises(ContractError, match=r"current\.json"):
            verify(RUN_A)
        assert promote(RUN_A)
        assert (remote.promoted(), remote.shown()) == (RUN_A, RUN_A)


def test_a_file_that_is_missing_may_be_denied(remote: Remote) -> None:
    with remote.behind_proxy() as proxy:
        proxy.play(answers(403, "AccessDenied"), "GET", "/current.json")
        assert export_root().current().content is None
        build(RUN_A, promote=False)
        remote.put("current.json", b"{}")
        with pytest.raises(
            StorageError, match=r"current\.json: s3:GetObject is denied"
        ):
            export_root().current()


def test_a_file_that_is_missing_cannot_be_opened(remote: Remote) -> None:
    message = f"^{remote.address}/some.csv: there is no such file$"
    with pytest.raises(StorageError, match=message), export_root().open("some.csv"):
        pass

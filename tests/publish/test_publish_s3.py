"""A bucket as the export root: the layout, the writes, and what is refused."""

import json
import os
import subprocess
import sys
from base64 import b64decode
from hashlib import sha256
from pathlib import Path

import pytest
from publishing import (
    RUN_A,
    RUN_B,
    audience_paths,
    build,
    csv_text,
    facts,
    write_file,
    write_files,
)
from remote import Remote

from publish import promotion
from publish.errors import (
    ConfigurationError,
    ContractError,
    LostRaceError,
    PublishError,
    StorageError,
)
from publish.run import export_begin, export_finish, export_staging_path, export_write
from publish.settings import export_root
from tests.storage.proxy import answers
from tests.storage.server import BUCKET

BUYERS = "sandbox1/buyers.csv"
OTHER_PORTAL = "sandbox3/buyers.csv"


def promote(run_id: str) -> bool:
    """Promote a run over whatever is promoted."""
    root = export_root()
    return promotion.promote(root, run_id, root.current().version)


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
    assert sorted(remote.files()) == sorted(
        [
            "current.json",
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


def test_every_write_has_a_checksum_and_a_run_s_is_only_if_absent(
    remote: Remote,
) -> None:
    build(RUN_A)
    with remote.behind_proxy() as proxy:
        build(RUN_B)
    writes = [request for request in proxy.requests if request.method == "PUT"]
    assert len(writes) == 11
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


def test_files_are_encrypted_as_asked_for(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPORT_SSE", "AES256")
    build(RUN_A)
    write_file(RUN_B, BUYERS, "a\n" * (5 << 20), 0)
    for key in remote.files():
        assert remote.head(key)["ServerSideEncryption"] == "AES256"


def test_a_key_for_the_encryption_is_asked_for(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPORT_SSE", "aws:kms")
    monkeypatch.setenv("EXPORT_KMS_KEY_ID", "alias/exports")
    # This server has no keys: asked for is what can be seen of it.
    with remote.behind_proxy() as proxy:
        proxy.play(answers(400, "KMS.NotFoundException"), "PUT", "buyers")
        with pytest.raises(StorageError, match=r"KMS\.NotFoundException"):
            write_file(RUN_A, BUYERS, "a\n", 0)
    headers = dict(proxy.requests[-1].headers)
    assert headers["x-amz-server-side-encryption"] == "aws:kms"
    assert headers["x-amz-server-side-encryption-aws-kms-key-id"] == "alias/exports"


def test_a_file_is_written_once(remote: Remote) -> None:
    write_file(RUN_A, BUYERS, "a\n1\n", 1)
    with pytest.raises(StorageError, match=f"^{remote.address}/runs/.* written once"):
        write_file(RUN_A, BUYERS, "a\n2\n", 1)
    assert remote.read(f"runs/{RUN_A}/{BUYERS}") == b"a\n1\n"


def test_a_finished_run_takes_no_more_files(remote: Remote) -> None:
    build(RUN_A)
    with pytest.raises(ContractError, match="is finished"):
        write_file(RUN_A, OTHER_PORTAL, "a\n", 0)
    with pytest.raises(PublishError):
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


def test_what_is_staged_is_private_and_does_not_stay(
    remote: Remote, tmp_path: Path
) -> None:
    umask = os.umask(0)
    try:
        mine = Path(export_staging_path(RUN_A, BUYERS))
        mine.touch(0o600)
        state = tmp_path / "state"
        for folder in [state / "sms-campaigns", *state.rglob("*")]:
            assert folder.stat().st_mode & 0o777 == (0o600 if folder == mine else 0o700)
    finally:
        os.umask(umask)
    code = (
        "import os; from pathlib import Path; from publish.run import *;"
        f"Path(export_staging_path({RUN_B!r}, {BUYERS!r})).write_text('left');"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    staging = export_root().staging
    assert {path.name for path in staging.iterdir()} == {RUN_A, RUN_B}
    export_begin()
    assert {path.name for path in staging.iterdir()} == {RUN_A}
    export_write(RUN_A, BUYERS, 0)
    assert list(staging.iterdir()) == []
    assert remote.files() == [f"runs/{RUN_A}/{BUYERS}"]


def test_staging_is_in_the_home_where_the_system_names_no_place(
    remote: Remote, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for unset in ("", "relative"):
        monkeypatch.setenv("XDG_STATE_HOME", unset)
        folder = export_root().staging.parent
        assert folder.parent == tmp_path / ".local" / "state" / "sms-campaigns"
        assert folder.name.startswith(f"{BUCKET}-")
    monkeypatch.setenv("EXPORT_ROOT", f"{remote.address}/below")
    assert export_root().staging.parent != folder


def test_staging_needs_a_place(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_: int) -> None:
        raise KeyError

    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", nobody)
    with pytest.raises(ConfigurationError, match="XDG_STATE_HOME must name a folder"):
        export_staging_path(RUN_A, BUYERS)
    assert remote.files() == []


@pytest.mark.parametrize(
    "address",
    [
        "s3://",
        "s3:///prefix",
        "s3://b/prefix",
        "s3://Bucket/prefix",
        "s3://bucket//prefix",
        "s3://bucket/a//b",
        "s3://bucket/../prefix",
        "s3://bucket/a/./b",
        "s3://bucket/a?b",
        "s3://bucket/a b",
        "s3://bucket/a\nb",
        "s3://bucket/é",
    ],
)
def test_an_address_that_cannot_be_is_refused(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("EXPORT_ROOT", address)
    with pytest.raises(ConfigurationError, match="EXPORT_ROOT must be") as error:
        export_root()
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/", "s3://bucket"),
        (" s3://bucket/a/b.c_d-e=f/ ", "s3://bucket/a/b.c_d-e=f"),
    ],
)
def test_an_address_is_a_bucket_and_a_prefix(
    remote: Remote, monkeypatch: pytest.MonkeyPatch, address: str, shown: str
) -> None:
    monkeypatch.setenv("EXPORT_ROOT", address)
    root = export_root()
    assert root == export_root()
    assert root.address() == shown
    assert root.address("current.json") == f"{shown}/current.json"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"EXPORT_SSE": "kms"}, "EXPORT_SSE must be AES256 or aws:kms"),
        ({"EXPORT_KMS_KEY_ID": "k"}, "EXPORT_KMS_KEY_ID needs EXPORT_SSE=aws:kms"),
        (
            {"EXPORT_SSE": "AES256", "EXPORT_KMS_KEY_ID": "k"},
            "EXPORT_KMS_KEY_ID needs EXPORT_SSE=aws:kms",
        ),
        ({"AWS_ENDPOINT_URL": "nowhere"}, "AWS_ENDPOINT_URL is no URL"),
        ({"AWS_DEFAULT_REGION": "no region"}, "InvalidRegionError"),
        ({"AWS_PROFILE": "nobody"}, "the profile of AWS_PROFILE is not configured"),
        ({"AWS_SECRET_ACCESS_KEY": None}, "the credentials are not whole"),
        (
            {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None},
            "no credentials were found",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused(
    remote: Remote,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, str | None],
    message: str,
) -> None:
    for name, value in settings.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=message) as error:
        export_root().current()
    assert len(str(error.value).splitlines()) == 1


def test_a_local_root_needs_no_boto3(root: Path) -> None:
    code = (
        "import sys; from publish.cli import cli; cli(['list'], standalone_mode=False)"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; print('boto3' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "False"
    assert not root.exists()

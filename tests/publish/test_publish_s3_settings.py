"""What a bucket needs to be told: address, encryption, where to stage, credentials."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from common.errors import ConfigError, StorageError
from publish.run import export_begin, export_staging_path, export_write
from publish.settings import export_root
from tests.publish.publishing import RUN_A, RUN_B, build, write_file
from tests.publish.remote import Remote
from tests.storage.proxy import answers
from tests.storage.server import BUCKET

BUYERS = "sandbox1/buyers.csv"


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
    with pytest.raises(ConfigError, match="XDG_STATE_HOME must name a folder"):
        export_staging_path(RUN_A, BUYERS)
    assert remote.files() == []


@pytest.mark.parametrize(
    "address",
    [
        "s3://",
        "s3:/bucket/prefix",
        "s3:bucket",
        "S3://bucket/prefix",
        "s3:///prefix",
        "s3://b/prefix",
        "s3://Bucket/prefix",
        "s3://my..bucket/prefix",
        "s3://192.0.2.1/prefix",
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
    with pytest.raises(ConfigError, match="EXPORT_ROOT must be") as error:
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
        ({"AWS_ENDPOINT_URL": "nowhere"}, "AWS_ENDPOINT_URL is not a URL"),
        ({"AWS_DEFAULT_REGION": "no region"}, "InvalidRegionError"),
        ({"AWS_PROFILE": "nobody"}, "the profile of AWS_PROFILE is not configured"),
        ({"AWS_SECRET_ACCESS_KEY": None}, "the credentials are incomplete"),
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
    with pytest.raises(ConfigError, match=message) as error:
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

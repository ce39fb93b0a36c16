"""`sms health`: what it finds, and its exit code."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ops.settings.reading import DEFAULTS
from publish.s3_writing import put
from publish.settings import s3_root_at
from tests.commands import sms
from tests.extract.moto_aws import Aws, serve_aws
from tests.storage.server import Server

CHECKS = ["settings", "database", "export root", "credentials", "last night"]
CREDENTIALS = json.dumps({"username": "user", "password": "hunter2hunter2"})


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """A server that keeps secrets."""
    with serve_aws(tmp_path_factory.mktemp("moto")) as running:
        yield running


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Unset every setting, in an empty folder."""
    for name in DEFAULTS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def promoted(hours: float) -> bytes:
    """Return a current.json of a run that began so long ago."""
    begun = datetime.now(UTC) - timedelta(hours=hours)
    run = f"{begun:%Y%m%dT%H%M%S%fZ}-0123abcd"
    return json.dumps(
        {
            "run_id": run,
            "manifest": f"runs/{run}/manifest.json",
            "manifest_sha256": "0" * 64,
            "promoted_at": datetime.now(UTC).isoformat(),
        }
    ).encode()


def health(*options: str) -> tuple[int, dict[str, tuple[int, str]], str]:
    """Return the exit code, each finding, and the last line of errors."""
    done = sms("health", "--json", *options)
    found: list[dict[str, Any]] = json.loads(done.stdout)["checks"]
    assert [one["check"] for one in found] == CHECKS
    findings = {one["check"]: (one["exit_code"], one["message"]) for one in found}
    return done.returncode, findings, done.stderr


def test_a_good_machine(clean: Path) -> None:
    (clean / "exports").mkdir()
    (clean / "exports" / "current.json").write_bytes(promoted(25))
    code, found, errors = health()
    assert (code, errors) == (0, "")
    assert found["credentials"] == (0, "not set: only the sandbox can be loaded")
    assert "25.0 h ago" in found["last night"][1]
    said = sms("health")
    assert said.returncode == 0
    assert [line.split("  ")[0] for line in said.stdout.splitlines()] == CHECKS
    # Nothing is left behind.
    assert [path.name for path in clean.iterdir()] == ["exports"]


def test_a_missing_night(clean: Path) -> None:
    code, found, errors = health()
    assert (code, errors) == (10, "sms: 1 of 5 checks failed: last night\n")
    assert "no night has finished yet" in found["last night"][1]
    (clean / "exports").mkdir()
    (clean / "exports" / "current.json").write_bytes(promoted(27))
    assert health()[0] == 10
    assert health("--max", "28h")[0] == 0


@pytest.mark.parametrize(
    ("name", "value", "check"),
    [
        ("DBT_TARGET", "prod", "settings"),
        ("DUCKDB_PATH", "nosuch/a.duckdb", "database"),
        ("EXPORT_ROOT", "file/exports", "export root"),
        ("PORTAL_SECRET", "hunter2", "credentials"),
    ],
)
def test_a_wrong_setting(
    clean: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, check: str
) -> None:
    (clean / "file").touch()
    monkeypatch.setenv(name, value)
    code, found, errors = health()
    assert code == 2
    assert found[check][0] == 2
    assert "hunter2" not in str(found) + errors


def test_storage_and_secret_are_asked_as_the_role_can(
    aws: Aws, s3_server: Server, clean: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = s3_server.new_root()
    s3_server.use(monkeypatch, root, clean / "state")
    monkeypatch.setenv("DBT_TARGET", "prod")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", aws.url)
    monkeypatch.setenv("PORTAL_SECRET", aws.keep("portals", CREDENTIALS))
    put(s3_root_at(root, "EXPORT_ROOT").bucket, "current.json", promoted(1), "", "")
    code, found, errors = health()
    assert (code, errors) == (0, "")
    assert found["export root"] == (0, f"{root} can be read")
    assert found["credentials"] == (0, "secretsmanager:portals can be read")

    monkeypatch.setenv("PORTAL_SECRET", "secretsmanager:nosuch")
    code, found, _ = health()
    assert (code, found["credentials"][0]) == (2, 2)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    assert health()[1]["export root"][0] == 30


def test_staging_needs_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBT_TARGET", "staging")
    assert health()[1]["credentials"][0] == 2
    monkeypatch.setenv("PORTAL_USERNAME", "user")
    monkeypatch.setenv("PORTAL_PASSWORD", "hunter2")
    assert health()[1]["credentials"] == (0, "set in the environment")

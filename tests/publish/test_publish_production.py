"""What prod refuses, and dev and staging allow."""

from pathlib import Path

import pytest

from common.environment import environment_name
from common.errors import ConfigError
from publish import production
from publish.local import LocalRoot
from publish.production import check_code, check_root
from publish.settings import export_root
from publish.suppressions import ledger
from tests.commands import sms
from tests.publish.publishing import RUN_A
from tests.storage.server import Server

HEADER = "channel,address,suppressed_at,reason\n"


@pytest.fixture
def prod(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be in prod, with code that is at its commit."""
    monkeypatch.setenv("DBT_TARGET", "prod")
    monkeypatch.setattr(production, "code_version", lambda: "0.1.0+0123456789ab")
    monkeypatch.delenv("SUPPRESSIONS_CSV", raising=False)


@pytest.fixture
def bucket(s3_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point EXPORT_ROOT to an empty place in the bucket."""
    s3_server.use(monkeypatch, s3_server.new_root(), tmp_path / "state")


@pytest.mark.parametrize("name", ["", "dev", "staging", "prod"])
def test_three_environments(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("DBT_TARGET", name)
    assert environment_name() == (name or "dev")


def test_another_environment_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBT_TARGET", "production")
    with pytest.raises(ConfigError, match="must be one of dev, staging, prod"):
        environment_name()


@pytest.mark.usefixtures("prod")
def test_prod_needs_a_bucket(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^prod: EXPORT_ROOT is the folder "):
        check_root(LocalRoot(tmp_path))
    # dbt's --target counts for its builds.
    check_root(LocalRoot(tmp_path), "dev")


def test_dev_can_use_a_folder_unless_the_target_is_prod(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(production, "code_version", lambda: "0.1.0+0123456789ab-dirty")
    for name in ("dev", "staging"):
        monkeypatch.setenv("DBT_TARGET", name)
        check_root(LocalRoot(tmp_path))
        check_code()
    with pytest.raises(ConfigError, match=r"^prod: "):
        check_root(LocalRoot(tmp_path), "prod")
    with pytest.raises(ConfigError, match=r"^prod: .* differs from its commit"):
        check_code("prod")


@pytest.mark.usefixtures("prod", "bucket")
def test_prod_needs_a_ledger_or_a_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="has no ledger of suppressions"):
        check_root(export_root())
    listed = tmp_path / "list.csv"
    listed.write_text(f"{HEADER}sms,+12065550126,2025-01-31T12:00:00Z,STOP\n")
    monkeypatch.setenv("SUPPRESSIONS_CSV", str(listed))
    check_root(export_root())
    monkeypatch.delenv("SUPPRESSIONS_CSV")
    ledger.record(export_root(), listed)
    check_root(export_root())


@pytest.mark.usefixtures("prod", "bucket")
def test_prod_promotes_no_code_that_differs_from_its_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text(HEADER)
    monkeypatch.setenv("SUPPRESSIONS_CSV", str(listed))
    monkeypatch.setattr(production, "code_version", lambda: "0.1.0+0123456789ab-dirty")
    refused = sms("publish", "promote", RUN_A)
    assert refused.returncode == 2
    assert "0.1.0+0123456789ab-dirty, differs from its commit" in refused.stderr
    assert not export_root().list_files("suppressions")
    monkeypatch.setattr(production, "code_version", lambda: "0.1.0+0123456789ab")
    assert "not found under" in sms("publish", "promote", RUN_A).stderr


@pytest.mark.usefixtures("prod")
@pytest.mark.parametrize("mode", ["plan", "export"])
def test_prod_refuses_a_night_before_it_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EXPORT_ROOT", "exports")
    refused = sms("nightly", mode, "--sandbox")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("sms: prod: EXPORT_ROOT is the folder ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "command", [("nightly", "plan"), ("publish", "promote", RUN_A)]
)
def test_an_unknown_environment_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DBT_TARGET", "nosuch")
    refused = sms(*command)
    assert refused.returncode == 2
    assert refused.stderr.startswith("sms: DBT_TARGET must be one of ")

"""An export root of its own for every test of publish."""

from pathlib import Path

import pytest
from remote import Remote

from tests.storage.server import Server


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point EXPORT_ROOT to a folder that does not exist yet."""
    folder = tmp_path / "exports"
    monkeypatch.setenv("EXPORT_ROOT", str(folder))
    return folder


@pytest.fixture
def remote(
    s3_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Remote:
    """Point EXPORT_ROOT to a bucket, under a prefix that holds nothing yet."""
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    address = s3_server.new_root()
    monkeypatch.setenv("EXPORT_ROOT", address)
    return Remote(s3_server, s3_server.client(), address)

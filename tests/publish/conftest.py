"""An export root of its own for every test of publish."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from publish import s3, s3_writing
from tests.publish.remote import Remote
from tests.storage.proxy import Proxy, serve_proxy
from tests.storage.server import Server


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point EXPORT_ROOT to a folder that does not exist yet."""
    folder = tmp_path / "exports"
    monkeypatch.setenv("EXPORT_ROOT", str(folder))
    return folder


@pytest.fixture(scope="session")
def s3_proxy(s3_server: Server) -> Iterator[Proxy]:
    """One proxy for all: with each new address, boto3 makes a new client."""
    with serve_proxy(s3_server.url) as proxy:
        yield proxy


@pytest.fixture
def remote(
    s3_server: Server, s3_proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Remote:
    """Point EXPORT_ROOT to a bucket, under a prefix that holds nothing yet.

    What does not pass is not waited for as long as usual.
    """
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(s3, "ATTEMPTS", 2)
    monkeypatch.setattr(s3_writing, "CONFLICT_SECONDS", (0.01,) * 5)
    address = s3_server.new_root()
    monkeypatch.setenv("EXPORT_ROOT", address)
    return Remote(s3_server.client(), s3_proxy, address)

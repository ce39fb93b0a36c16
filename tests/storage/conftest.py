"""A root in the bucket, and a proxy on the way to it, for every test that asks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.storage.proxy import Proxy, serve_proxy
from tests.storage.server import Server


@pytest.fixture
def proxy(s3_server: Server) -> Iterator[Proxy]:
    """A proxy to the server that plays no fault yet."""
    with serve_proxy(s3_server.url) as running:
        yield running


@pytest.fixture
def s3_root(s3_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Point EXPORT_ROOT to an empty place in the bucket, as its administrator."""
    root = s3_server.new_root()
    s3_server.use(monkeypatch, root, tmp_path / "state")
    return root

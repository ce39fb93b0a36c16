"""A root in a folder and in a bucket: what the ledger promises holds in both."""

from pathlib import Path

import pytest

from publish.root import Root
from publish.settings import export_root
from tests.storage.server import Server

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture(params=["folder", "bucket"])
def root(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Root:
    """Point EXPORT_ROOT to an empty root of either kind."""
    if request.param == "bucket":
        server: Server = request.getfixturevalue("s3_server")
        server.use(monkeypatch, server.new_root(), tmp_path / "state")
    else:
        monkeypatch.setenv("EXPORT_ROOT", str(tmp_path / "exports"))
    return export_root()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Root:
    """Point EXPORT_ROOT to an empty folder."""
    monkeypatch.setenv("EXPORT_ROOT", str(tmp_path / "exports"))
    return export_root()

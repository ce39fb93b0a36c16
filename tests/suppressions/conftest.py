"""A root in a folder and in a bucket: what the ledger promises holds in both."""

from pathlib import Path

import pytest

from publish.root import Root
from tests.roots import KINDS, use_root

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture(params=KINDS)
def root(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Root:
    """Point EXPORT_ROOT to an empty root of either kind."""
    return use_root(request, tmp_path, monkeypatch, request.param)


@pytest.fixture
def folder(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Root:
    """Point EXPORT_ROOT to an empty folder."""
    return use_root(request, tmp_path, monkeypatch, "folder")

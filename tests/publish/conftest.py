"""An export root of its own for every test of publish."""

from pathlib import Path

import pytest


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point EXPORT_ROOT to a folder that does not exist yet."""
    folder = tmp_path / "exports"
    monkeypatch.setenv("EXPORT_ROOT", str(folder))
    return folder

"""Export roots for tests: a promise holds in a folder and in a bucket."""

from pathlib import Path

import pytest

from publish.root import Root
from publish.settings import export_root
from tests.storage.server import Server

KINDS = ("folder", "bucket")


def use_root(
    request: pytest.FixtureRequest,
    folder: Path,
    environment: pytest.MonkeyPatch,
    kind: str,
) -> Root:
    """Point EXPORT_ROOT to an empty root, and give builds no list."""
    environment.delenv("SUPPRESSIONS_CSV", raising=False)
    if kind == "bucket":
        server: Server = request.getfixturevalue("s3_server")
        server.use(environment, server.new_root(), folder / "state")
    else:
        environment.setenv("EXPORT_ROOT", str(folder / "exports"))
    return export_root()

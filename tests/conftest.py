"""What the tests of several folders share."""

from collections.abc import Iterator

import pytest

from tests.storage.server import Server, serve_s3


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real S3 server, one for each process of the test run."""
    with serve_s3(tmp_path_factory.mktemp("s3")) as server:
        yield server

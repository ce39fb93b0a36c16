"""Whole builds to a bucket, by a user who may do what the exporter's policy allows."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from extract.sandbox import World, suppressions
from tests.e2e.conftest import FORMATS, Loaded, separate_exports
from tests.e2e.project import Project
from tests.storage.policies import named_actions, new_user, prefix_of, used_actions
from tests.storage.proxy import Proxy, Request, answers, serve_proxy
from tests.storage.server import BUCKET, Server

OLD_UPLOAD = "runs/20250101T000000000000Z-aaaaaaaa/north/buyers.csv"
# What says of which run it is.
ABOUT = ("manifest.json", "report.html")
SLOW_DOWN = answers(503, "SlowDown")
type Built = Callable[[Mapping[str, Any]], Project]


@dataclass(frozen=True)
class Bucket:
    """A root in the bucket, the way to it, and a project that builds to it."""

    server: Server
    root: str
    proxy: Proxy
    project: Project

    def files(self) -> dict[str, bytes]:
        """All files below the root, with what they hold."""
        client, start = self.server.client(), f"{prefix_of(self.root)}/"
        pages = client.get_paginator("list_objects_v2")
        keys = [
            found["Key"]
            for page in pages.paginate(Bucket=BUCKET, Prefix=start)
            for found in page.get("Contents", [])
        ]
        return {
            key.removeprefix(start): client.get_object(Bucket=BUCKET, Key=key)[
                "Body"
            ].read()
            for key in keys
        }


@pytest.fixture
def bucket(
    loaded: Loaded, world: World, s3_server: Server, tmp_path: Path
) -> Iterator[Bucket]:
    """A root in which a run was killed and a portal was published that is gone."""
    root = s3_server.new_root()
    admin, start = s3_server.client(), prefix_of(root)
    admin.create_multipart_upload(Bucket=BUCKET, Key=f"{start}/{OLD_UPLOAD}")
    admin.put_object(Bucket=BUCKET, Key=f"{start}/latest/gone/buyers.csv", Body=b"")
    exporter = new_user(s3_server, "exporter", root)
    with serve_proxy(s3_server.url) as proxy:
        project = separate_exports(loaded[0], tmp_path).suppress(suppressions(world))
        yield Bucket(
            s3_server,
            root,
            proxy,
            project.with_environment(
                **s3_server.environment(exporter, proxy.url),
                EXPORT_ROOT=root,
                XDG_STATE_HOME=str(tmp_path / "state"),
            ),
        )


@pytest.mark.timeout(600)
def test_a_slow_bucket_is_built_to_and_one_that_stays_slow_is_not(
    bucket: Bucket, built: Built
) -> None:
    """All of it about one build, which takes long."""
    for method, target in [("GET", "list-type"), ("PUT", "buyers"), ("HEAD", "runs")]:
        bucket.proxy.play(SLOW_DOWN, method, target, times=2)
    bucket.project.dbt("build", variables=FORMATS)
    assert_same_files(bucket.files(), built({}).promoted())
    assert_nothing_is_overwritten(bucket.proxy.requests)
    # A smaller policy would not do, and a build asks for nothing else.
    used = used_actions(bucket.proxy.requests)
    assert used == named_actions("exporter", bucket.root)
    assert_staying_slow_fails(bucket)


def assert_same_files(files: Mapping[str, bytes], folder: Path) -> None:
    """The bucket has what a build to a folder has (R14), and copies in latest/."""
    run = f"runs/{json.loads(files['current.json'])['run_id']}/"
    expected = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ABOUT
    }
    assert {f"{run}{path}" for path in [*expected, *ABOUT]} == {
        path for path in files if path.startswith("runs/")
    }
    assert {path: files[run + path] for path in expected} == expected
    assert {path: files[path] for path in files if path.startswith("latest/")} == {
        f"latest/{path}": content for path, content in expected.items() if "/" in path
    }


def assert_nothing_is_overwritten(requests: Iterable[Request]) -> None:
    """Each file of a run is written under the condition that there is none."""
    conditions = [
        request.header("If-None-Match")
        for request in requests
        if request.method == "PUT" and "/runs/" in request.target
    ]
    assert len(conditions) >= 10
    assert set(conditions) == {"*"}


def assert_staying_slow_fails(bucket: Bucket) -> None:
    """The build says so in one line, asks a few times, and has promoted nothing."""
    before, asked = bucket.files(), len(bucket.proxy.requests)
    bucket.proxy.play(SLOW_DOWN, "PUT", "buyers")
    done = bucket.project.dbt(
        "build", "--select", "export_contacts", variables=FORMATS, status=1
    )
    assert done.output.count("PutObject is answered with SlowDown") == 1
    assert "Traceback" not in done.output
    assert len(bucket.proxy.requests) - asked < 40
    assert bucket.files() == before

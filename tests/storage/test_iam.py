"""The policies of deploy/iam allow what the commands do, and no more.

Each probe is one request to a real server by a user who has the policy alone.
"""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from publish.settings import export_root
from tests.publish.publishing import RUN_A, RUN_B, build, publish
from tests.storage.policies import (
    named_actions,
    new_user,
    policy,
    prefix_of,
    used_actions,
)
from tests.storage.proxy import Proxy
from tests.storage.server import BUCKET, Key, Server

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

type Probe = Callable[["S3Client", str], object]

RUN = "runs/20250101T000000000000Z-aaaaaaaa"
# One key of each kind, below or beside the root's prefix, which has no `/` at its end.
PLACES = {
    "a run's file": f"/{RUN}/north/buyers.csv",
    "a run's manifest": f"/{RUN}/manifest.json",
    "a removed run's manifest": f"/{RUN}/manifest.json.removed",
    "latest": "/latest/north/buyers.csv",
    "current.json": "/current.json",
    "the promotions log": "/promotions/20250101T000000000000Z-aaaaaaaa.json",
    "another file in the root": "/another.json",
    "another root": "2/current.json",
}
LIST_ACTIONS = {"s3:ListBucket", "s3:ListBucketMultipartUploads"}
ACTIONS = LIST_ACTIONS | {
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
}
LISTS = {"the root": "/", "another root": "2/", "the bucket": ""}
MANIFESTS = ["a run's manifest", "a removed run's manifest"]
RUNS = ["a run's file", *MANIFESTS]
PUBLISHED = [*RUNS, "latest", "current.json"]
LOG_PROBES = ("read", "write", "upload in parts")
ALLOWED = {
    "exporter": {
        *(("read", place) for place in PUBLISHED),
        *(("write", place) for place in PUBLISHED),
        *(("upload in parts", place) for place in PUBLISHED),
        *((probe, "the promotions log") for probe in LOG_PROBES),
        ("delete", "latest"),
        ("list", "the root"),
        # S3 has no condition for these, which are names alone.
        *(("list uploads", place) for place in LISTS),
    },
    "planner": {
        *(("read", place) for place in PUBLISHED),
        *(("write", place) for place in RUNS),
        *(("upload in parts", place) for place in RUNS),
        ("list", "the root"),
        *(("list uploads", place) for place in LISTS),
    },
    "reader": {("read", place) for place in PUBLISHED},
    "pruner": {
        *(("read", place) for place in [*RUNS, "current.json"]),
        *(("delete", place) for place in RUNS),
        *(("write", place) for place in MANIFESTS),
        *(("upload in parts", place) for place in MANIFESTS),
        ("list", "the root"),
    },
}


@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_a_policy_allows_this_and_nothing_else(name: str, s3_server: Server) -> None:
    root = s3_server.new_root()
    user = new_user(s3_server, name, root)
    assert allowed(s3_server, user, prefix_of(root)) == ALLOWED[name]


@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_a_policy_names_single_actions_of_one_root(name: str) -> None:
    """No `*` among actions, and none that no command uses (see also tests/e2e)."""
    document = json.loads(policy(name, f"s3://{BUCKET}/prefix"))
    assert document["Version"] == "2012-10-17"
    assert named_actions(name, f"s3://{BUCKET}/prefix") <= ACTIONS
    bucket = f"arn:aws:s3:::{BUCKET}"
    for statement in document["Statement"]:
        resources = statement["Resource"]
        if resources == bucket:
            assert statement["Action"] in LIST_ACTIONS
        else:
            for resource in [resources] if isinstance(resources, str) else resources:
                assert resource.startswith(f"{bucket}/prefix/")
        assert statement["Effect"] == "Allow"


def test_pruning_does_all_that_its_policy_allows(
    s3_server: Server, s3_root: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for run_id in (RUN_A, RUN_B):
        build(run_id)
    pruner = new_user(s3_server, "pruner", s3_root)
    for name, value in s3_server.environment(pruner, proxy.url).items():
        monkeypatch.setenv(name, value)
    done = publish("prune", "--keep", "0")
    assert (done.returncode, done.stderr) == (0, "")
    # The server shows the empty folder for a while; S3 has no folders.
    assert export_root().list_files(f"runs/{RUN_A}") == {}
    assert export_root().list_files(f"runs/{RUN_B}") != {}
    assert used_actions(proxy.requests) == named_actions("pruner", s3_root)


def allowed(server: Server, key: Key, prefix: str) -> set[tuple[str, str]]:
    """All that a user may do, found out by trying."""
    admin, user = server.client(), server.client(key)
    can = set()
    for name, probe in PROBES.items():
        for place, path in PLACES.items():
            admin.put_object(Bucket=BUCKET, Key=prefix + path, Body=b"text")
            if is_allowed(probe, user, prefix + path):
                can.add((name, place))
    for name, probe in LISTING.items():
        for place, path in LISTS.items():
            if is_allowed(probe, user, path and prefix + path):
                can.add((name, place))
    return can


def is_allowed(probe: Probe, user: "S3Client", text: str) -> bool:
    try:
        probe(user, text)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise
        return False
    return True


def read(user: "S3Client", key: str) -> None:
    user.get_object(Bucket=BUCKET, Key=key)


def write(user: "S3Client", key: str) -> None:
    user.put_object(Bucket=BUCKET, Key=key, Body=b"")


def upload(user: "S3Client", key: str) -> None:
    user.create_multipart_upload(Bucket=BUCKET, Key=key)


def delete(user: "S3Client", key: str) -> None:
    user.delete_object(Bucket=BUCKET, Key=key)


def list_files(user: "S3Client", prefix: str) -> None:
    user.list_objects_v2(Bucket=BUCKET, Prefix=prefix)


def list_uploads(user: "S3Client", prefix: str) -> None:
    user.list_multipart_uploads(Bucket=BUCKET, Prefix=prefix)


PROBES: dict[str, Probe] = {
    "read": read,
    "write": write,
    "upload in parts": upload,
    "delete": delete,
}
LISTING: dict[str, Probe] = {"list": list_files, "list uploads": list_uploads}

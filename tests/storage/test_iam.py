"""The policies of deploy/iam allow what the commands do, and no more.

Each probe is one request to a real server by a user who has the policy alone.
"""

from collections.abc import Callable
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from tests.storage.server import BUCKET, Key, Server

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

type Probe = Callable[["S3Client", str], object]

POLICIES = Path(__file__).parents[2] / "deploy" / "iam"
RUN = "runs/20250101T000000000000Z-aaaaaaaa"
# One key of each kind, below or beside the root's prefix, which has no `/` at its end.
PLACES = {
    "a run's file": f"/{RUN}/north/buyers.csv",
    "a run's manifest": f"/{RUN}/manifest.json",
    "a removed run's manifest": f"/{RUN}/manifest.json.removed",
    "latest": "/latest/north/buyers.csv",
    "current.json": "/current.json",
    "another file in the root": "/another.json",
    "another root": "2/current.json",
}
LISTS = {"the root": "/", "another root": "2/", "the bucket": ""}
RUNS = ["a run's file", "a run's manifest", "a removed run's manifest"]
PUBLISHED = [*RUNS, "latest", "current.json"]
ALLOWED = {
    "exporter": {
        *(("read", place) for place in PUBLISHED),
        *(("write", place) for place in PUBLISHED),
        *(("upload in parts", place) for place in PUBLISHED),
        ("delete", "latest"),
        ("list", "the root"),
        # S3 has no condition for these, which are names alone.
        *(("list uploads", place) for place in LISTS),
    },
    "reader": {("read", place) for place in PUBLISHED},
    "pruner": {
        *(("read", place) for place in [*RUNS, "current.json"]),
        *(("delete", place) for place in RUNS),
        ("write", "a removed run's manifest"),
        ("upload in parts", "a removed run's manifest"),
        ("list", "the root"),
    },
}


@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_a_policy_allows_this_and_nothing_else(name: str, s3_server: Server) -> None:
    root = s3_server.new_root()
    user = new_user(s3_server, name, root)
    assert allowed(s3_server, user, prefix_of(root)) == ALLOWED[name]


def new_user(server: Server, name: str, root: str) -> Key:
    """The key of a new user with the policy of this name for a root."""
    policy = Template((POLICIES / f"{name}.json").read_text())
    return server.new_user(policy.substitute(bucket=BUCKET, prefix=prefix_of(root)))


def prefix_of(root: str) -> str:
    return root.removeprefix(f"s3://{BUCKET}/")


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

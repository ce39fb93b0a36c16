"""Users of the bucket who have one of the policies of deploy/iam, and no other."""

import json
from collections.abc import Iterable
from pathlib import Path
from string import Template
from urllib.parse import parse_qs, urlsplit

from tests.storage.proxy import Request
from tests.storage.server import BUCKET, Key, Server

LISTS = {
    "list-type": "s3:ListBucket",
    "uploads": "s3:ListBucketMultipartUploads",
}
OF_FILES = {
    "GET": "s3:GetObject",
    "HEAD": "s3:GetObject",
    "PUT": "s3:PutObject",
    "POST": "s3:PutObject",
    "DELETE": "s3:DeleteObject",
}
POLICIES = Path(__file__).parents[2] / "deploy" / "iam"


def policy(name: str, root: str) -> str:
    """The policy of this name for a root, as JSON."""
    text = (POLICIES / f"{name}.json").read_text()
    return Template(text).substitute(bucket=BUCKET, prefix=prefix_of(root))


def new_user(server: Server, name: str, root: str) -> Key:
    """The key of a new user who has that policy."""
    return server.new_user(policy(name, root))


def prefix_of(root: str) -> str:
    """What the keys of a root begin with; no `/` at its end."""
    return root.removeprefix(f"s3://{BUCKET}/")


def named_actions(name: str, root: str) -> set[str]:
    """The actions that the policy of this name allows anywhere."""
    statements = json.loads(policy(name, root))["Statement"]
    lists = (statement["Action"] for statement in statements)
    return {
        action
        for actions in lists
        for action in ([actions] if isinstance(actions, str) else actions)
    }


def used_actions(requests: Iterable[Request]) -> set[str]:
    """The actions that S3 asks for, for requests that were sent."""
    return {action for request in requests for action in _actions(request)}


def _actions(request: Request) -> list[str]:
    url = urlsplit(request.target)
    names = parse_qs(url.query, keep_blank_values=True).keys()
    if url.path.count("/") == 1:
        assert request.method == "GET"
        return [next(LISTS[name] for name in LISTS if name in names)]
    if request.method == "DELETE" and "uploadId" in names:
        return ["s3:AbortMultipartUpload"]
    if request.header("x-amz-copy-source"):
        return ["s3:GetObject", "s3:PutObject"]
    return [OF_FILES[request.method]]

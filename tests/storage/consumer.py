"""A consumer of an export root that shares no code with the project.

`python -m tests.storage.consumer ROOT RUN_ID...` reads what is promoted over and over,
as docs/consuming.md says, until it has seen each of these runs promoted several times.
It stops with an error where what it read does not belong together.
"""

import json
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import boto3

TIMES = 5
type Read = Callable[[str], bytes]


def reader(root: str) -> Read:
    """Give a function that reads a file below the root."""
    if not root.startswith("s3://"):
        return lambda key: Path(root, key).read_bytes()
    bucket, _, prefix = root.removeprefix("s3://").partition("/")
    client = boto3.client("s3")
    return lambda key: client.get_object(Bucket=bucket, Key=f"{prefix}/{key}")[
        "Body"
    ].read()


def read_promoted(read: Read) -> tuple[str, dict[str, str]]:
    """Read the promoted run; return its id and the sha256 of each audience's file."""
    current = json.loads(read("current.json"))
    run_id, manifest = current["run_id"], read(current["manifest"])
    check(current["manifest"], manifest, current["manifest_sha256"])
    files = json.loads(manifest)["files"]
    for file in files:
        content = read(f"runs/{run_id}/{file['path']}")
        check(file["path"], content, file["sha256"])
        if run_id.encode() not in content:
            raise SystemExit(f"{file['path']}: another run's rows in {run_id}")
    return run_id, {file["path"]: file["sha256"] for file in files if file["audience"]}


def check(name: str, content: bytes, digest: str) -> None:
    """Compare a file with what is said about it."""
    if sha256(content).hexdigest() != digest:
        raise SystemExit(f"{name}: not what was promoted")


def main(root: str, run_ids: list[str]) -> None:
    """Read until each run has come often enough, then judge what latest/ has held."""
    read, seen = reader(root), [""]
    promoted: set[tuple[str, str]] = set()
    latest: set[tuple[str, str]] = set()
    while min(seen.count(run_id) for run_id in run_ids) < TIMES:
        run_id, digests = read_promoted(read)
        promoted |= digests.items()
        for path in digests:
            latest.add((path, sha256(read(f"latest/{path}")).hexdigest()))
        if run_id != seen[-1]:
            seen.append(run_id)
    if not latest <= promoted:
        raise SystemExit("latest/ has held what was in no run that was promoted")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

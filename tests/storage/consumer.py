"""A consumer of an export root that shares no code with the project.

`python -m tests.storage.consumer ROOT PASSES` reads what is promoted over and over, as
docs/consuming.md says, and prints the id of the run that each pass has seen. It stops
with an error where what it read does not belong together.
"""

import json
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import boto3

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


def main(root: str, passes: int) -> None:
    """Read so many times; then see that each file in latest/ was some run's."""
    read = reader(root)
    promoted: set[tuple[str, str]] = set()
    latest: set[tuple[str, str]] = set()
    for _ in range(passes):
        run_id, digests = read_promoted(read)
        promoted |= digests.items()
        for path in digests:
            latest.add((path, sha256(read(f"latest/{path}")).hexdigest()))
        print(run_id, flush=True)  # noqa: T201 - its answer
    if not latest <= promoted:
        raise SystemExit("latest/ has held what was in no run that was promoted")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

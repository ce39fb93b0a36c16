"""An export root in a bucket of a real S3 server, seen past the project's own code."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from publish import promotion
from publish.settings import export_root
from tests.publish.publishing import RUN_A, RUN_B, RUN_C, audience_paths, csv_text
from tests.storage.proxy import Proxy
from tests.storage.server import BUCKET

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@dataclass(frozen=True)
class Remote:
    """An export root `s3://BUCKET/PREFIX`; keys are below it."""

    client: "S3Client"
    proxy: Proxy
    address: str

    @property
    def prefix(self) -> str:
        """All keys of the root begin so."""
        return self.address.removeprefix(f"s3://{BUCKET}/") + "/"

    def files(self, below: str = "") -> list[str]:
        """List all files that begin so."""
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=BUCKET, Prefix=self.prefix + below
        )
        found = [file for page in pages for file in page.get("Contents", [])]
        return [file["Key"].removeprefix(self.prefix) for file in found]

    def read(self, key: str) -> bytes:
        """Read a file."""
        answer = self.client.get_object(Bucket=BUCKET, Key=self.prefix + key)
        return answer["Body"].read()

    def tree(self, below: str = "") -> dict[str, bytes]:
        """Read all files that begin so."""
        return {key: self.read(key) for key in self.files(below)}

    def put(self, key: str, content: bytes) -> None:
        """Write a file, as somebody else would."""
        self.client.put_object(Bucket=BUCKET, Key=self.prefix + key, Body=content)

    def delete(self, *keys: str) -> None:
        """Delete files."""
        for key in keys:
            self.client.delete_object(Bucket=BUCKET, Key=self.prefix + key)

    def head(self, key: str) -> Any:
        """Return what S3 says about a file."""
        return self.client.head_object(Bucket=BUCKET, Key=self.prefix + key)

    def begin_upload(self, key: str) -> str:
        """Leave an unfinished upload of one part; return its id."""
        target: Any = {"Bucket": BUCKET, "Key": self.prefix + key}
        upload = self.client.create_multipart_upload(**target)["UploadId"]
        self.client.upload_part(Body=b"part", PartNumber=1, UploadId=upload, **target)
        return upload

    def uploads(self) -> list[str]:
        """Return the keys of all unfinished uploads."""
        found = self.client.list_multipart_uploads(Bucket=BUCKET, Prefix=self.prefix)
        return [
            upload["Key"].removeprefix(self.prefix)
            for upload in found.get("Uploads", [])
        ]

    def promoted(self) -> str | None:
        """Read what a consumer reads, and fail unless it is whole; return the run."""
        if "current.json" not in self.files("current.json"):
            return None
        run_id: str = json.loads(self.read("current.json"))["run_id"]
        expected = {f"runs/{run_id}/{path}" for path in audience_paths()}
        files = self.tree(f"runs/{run_id}/")
        assert files.keys() - expected == {
            f"runs/{run_id}/{name}" for name in ("exclusions.csv", "manifest.json")
        }
        for path in expected:
            assert files[path].decode() == csv_text(run_id, path.split("/")[2], 3)
        return run_id

    def shown(self) -> str | None:
        """Say which run latest/ holds copies of: `mixed` where it is more than one."""
        texts = self.tree("latest/")
        if not texts:
            return None
        for run_id in (RUN_A, RUN_B, RUN_C):
            if texts == {
                f"latest/{path}": csv_text(run_id, path.split("/")[0], 3).encode()
                for path in audience_paths()
            }:
                return run_id
        return "mixed"

    @contextmanager
    def behind_proxy(self) -> Iterator[Proxy]:
        """Have the project reach the server through a proxy."""
        self.proxy.forget()
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("AWS_ENDPOINT_URL", self.proxy.url)
            yield self.proxy


def promote(run_id: str) -> bool:
    """Promote a run over whatever is promoted."""
    root = export_root()
    return promotion.promote(root, run_id, root.current().version)

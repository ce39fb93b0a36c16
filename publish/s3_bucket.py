"""The files under a prefix of a bucket. Keys are below the prefix.

The metadata of every file has its run and its sha256: its Note.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from io import BufferedReader
from typing import Any, BinaryIO

from botocore.exceptions import ClientError

from common.errors import StorageError
from common.files import CHUNK_BYTES
from publish.layout import S3
from publish.manifest import digest
from publish.s3_errors import DENIED, MISSING, code_of, s3_errors
from publish.s3_reading import ObjectReader

NO_SUCH_UPLOAD = "NoSuchUpload"


@dataclass(frozen=True)
class Note:
    """The run and the sha256 in the metadata of a file."""

    run_id: str
    sha256: str

    @classmethod
    def of(cls, metadata: Mapping[str, str]) -> "Note":
        """Parse metadata; some servers capitalize the names."""
        said = {name.lower(): value for name, value in metadata.items()}
        return cls(said.get("run", ""), said.get("sha256", ""))

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata as boto3 takes it."""
        return {"run": self.run_id, "sha256": self.sha256}


@dataclass(frozen=True)
class Bucket:
    """A bucket, seen from a prefix, which is empty or ends with `/`.

    Every write asks for `encryption`. All methods raise StorageError or ConfigError
    if S3 refuses.
    """

    name: str
    prefix: str
    encryption: tuple[tuple[str, str], ...]
    # The types of boto3's client do not allow optional arguments.
    client: Any = field(repr=False, compare=False)

    def address(self, key: str = "") -> str:
        """Return the URL of a key."""
        return f"{S3}{self.name}/{self.prefix}{key}".rstrip("/")

    def read(self, key: str) -> tuple[bytes, str] | None:
        """Return the content and the ETag of a small file, None if there is none."""
        with s3_errors(self.address(key)):
            try:
                with self._reader(key) as reader:
                    content = reader.readall()
            except ClientError as error:
                if not self._is_missing(key, error):
                    raise
                return None
        if Note.of(reader.metadata).sha256 not in ("", digest(content)):
            raise StorageError(
                f"{self.address(key)}: damaged, its sha256 is not the one in its "
                "metadata"
            )
        return content, reader.version

    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        """Read a file as a stream."""
        with (
            s3_errors(self.address(key)),
            BufferedReader(self._reader(key), CHUNK_BYTES) as stream,
        ):
            yield stream

    def _reader(self, key: str) -> ObjectReader:
        return ObjectReader(partial(self.client.get_object, **self.at(key)))

    def at(self, key: str) -> dict[str, object]:
        """Return a key as boto3 takes it."""
        return {"Bucket": self.name, "Key": self.prefix + key}

    def note(self, key: str) -> Note | None:
        """Return the note of a file, None if there is none."""
        with s3_errors(self.address(key)):
            try:
                found = self.client.head_object(**self.at(key))
            except ClientError as error:
                if not self._is_missing(key, error):
                    raise
                return None
            return Note.of(found["Metadata"])

    def _is_missing(self, key: str, error: ClientError) -> bool:
        """Return whether a file is missing; S3 answers 403 to some who ask for one."""
        code = code_of(error)
        return code in MISSING or (code in DENIED and "" not in self.sizes(key))

    def sizes(self, key: str) -> dict[str, int]:
        """Return the rest of the name and the size of all files that begin so."""
        prefix = self.prefix + key
        with s3_errors(self.address(key)):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.name, Prefix=prefix
            )
            return {
                found["Key"].removeprefix(prefix): found["Size"]
                for page in pages
                for found in page.get("Contents", [])
            }

    def folders(self, key: str) -> list[str]:
        """Return the names between `key` and the next `/`."""
        prefix = self.prefix + key
        with s3_errors(self.address(key)):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.name, Prefix=prefix, Delimiter="/"
            )
            return [
                found["Prefix"].removeprefix(prefix).rstrip("/")
                for page in pages
                for found in page.get("CommonPrefixes", [])
            ]

    def copy(self, source: str, target: str) -> None:
        """Copy a file with its note."""
        with s3_errors(self.address(target)):
            self.client.copy_object(
                CopySource=self.at(source),
                ChecksumAlgorithm="SHA256",
                **self.at(target),
                **dict(self.encryption),
            )

    def delete(self, key: str) -> None:
        """Delete a file if it exists."""
        with s3_errors(self.address(key)):
            self.client.delete_object(**self.at(key))

    def abort_uploads(
        self, key: str, is_wanted: Callable[[str], bool] = lambda _: False
    ) -> None:
        """Abort unfinished uploads of files that begin so, unless one is wanted."""
        with s3_errors(self.address(key)):
            pages = self.client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self.name, Prefix=self.prefix + key
            )
            uploads = [u for page in pages for u in page.get("Uploads", [])]
            for upload in uploads:
                if not is_wanted(upload["Key"].removeprefix(self.prefix)):
                    self._abort(upload)

    def _abort(self, upload: Mapping[str, Any]) -> None:
        try:
            self.client.abort_multipart_upload(
                Bucket=self.name, Key=upload["Key"], UploadId=upload["UploadId"]
            )
        except ClientError as error:
            # Another run has aborted it meanwhile.
            if code_of(error) != NO_SUCH_UPLOAD:
                raise

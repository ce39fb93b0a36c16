"""The files under a prefix of a bucket. Keys are below the prefix.

Every file says in its metadata of which run it is, and its sha256: its Note.
"""

import base64
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from botocore.exceptions import ClientError

from publish.errors import StorageError
from publish.files import storage
from publish.manifest import digest
from publish.s3_errors import (
    CONFLICT_STATUS,
    DENIED,
    FAILED_STATUS,
    MISSING,
    TEMPORARY_STATUS,
    UNREACHABLE,
    S3Error,
    code_of,
    s3_errors,
    status_of,
    told,
)
from publish.s3_reading import ObjectReader

MIB = 1 << 20
# A larger file goes up in parts of this size.
PART_BYTES = 8 * MIB
# What S3 copies at once, as latest/ needs it.
MOST_BYTES = 5 * 1024 * MIB
# Before each new try after a conflict.
CONFLICT_SECONDS = (0.2, 0.4, 0.8, 1.6, 3.2)
NO_SUCH_UPLOAD = "NoSuchUpload"
CONTENT_TYPES = {".csv": "text/csv; charset=utf-8"}
JSON = "application/json"

type Write = Callable[[], object]


@dataclass(frozen=True)
class Note:
    """What a file says of itself in its metadata."""

    run_id: str
    sha256: str

    @property
    def metadata(self) -> dict[str, str]:
        """As S3 keeps it."""
        return {"run": self.run_id, "sha256": self.sha256}

    @property
    def checksum(self) -> str:
        """The sha256 as S3 compares it with what arrives."""
        return _base64(self.sha256)


@dataclass(frozen=True)
class Bucket:
    """A bucket, seen from a prefix, which is empty or ends with `/`.

    `encryption` is what every write asks for. All methods raise StorageError or
    ConfigurationError, one line, where S3 refuses.
    """

    name: str
    prefix: str
    encryption: tuple[tuple[str, str], ...]
    # The types of boto3's client do not allow for arguments that may be absent.
    client: Any = field(repr=False, compare=False)

    def address(self, key: str = "") -> str:
        """Return the URL of a key."""
        return f"s3://{self.name}/{self.prefix}{key}".rstrip("/")

    def read(self, key: str) -> tuple[bytes, str] | None:
        """Return the content and the ETag of a small file, None where there is none."""
        with s3_errors(self.address(key)):
            try:
                with self._reader(key, ChecksumMode="ENABLED") as reader:
                    return reader.readall() or b"", reader.version
            except ClientError as error:
                if not self._is_missing(key, error):
                    raise
                return None

    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        """Read a file as a stream."""
        with s3_errors(self.address(key)), self._reader(key) as reader:
            yield reader  # type: ignore[misc]

    def _reader(self, key: str, **options: str) -> ObjectReader:
        return ObjectReader(partial(self.client.get_object, **self._at(key)), **options)

    def _at(self, key: str) -> dict[str, object]:
        return {"Bucket": self.name, "Key": self.prefix + key}

    def note(self, key: str) -> Note | None:
        """Return what a file says of itself, None where there is none."""
        with s3_errors(self.address(key)):
            try:
                found = self.client.head_object(**self._at(key))
            except ClientError as error:
                if not self._is_missing(key, error):
                    raise
                return None
            metadata = found["Metadata"]
            return Note(metadata.get("run", ""), metadata.get("sha256", ""))

    def _is_missing(self, key: str, error: ClientError) -> bool:
        """Who may list the prefix alone is not told that a file is missing."""
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

    def put(self, key: str, content: bytes, run_id: str, over: str) -> bool:
        """Write a small file if its ETag is still `over` (empty: if there is none).

        False where it is not.
        """
        note = Note(run_id, digest(content))
        condition = {"IfMatch": over} if over else {"IfNoneMatch": "*"}
        return self._settle(
            key,
            note,
            lambda: self.client.put_object(
                Body=content,
                ChecksumSHA256=note.checksum,
                **self._about(key, note),
                **condition,
            ),
        )

    def add(self, key: str, path: Path, note: Note) -> bool:
        """Write a file from this machine if there is none; False where there is."""
        with storage(path):
            size = path.stat().st_size
            if size > MOST_BYTES:
                raise StorageError(f"{self.address(key)}: is larger than 5 GiB")
            write = self._add_parts if size > PART_BYTES else self._add_whole
            return self._settle(key, note, lambda: write(key, path, note))

    def _add_whole(self, key: str, path: Path, note: Note) -> None:
        with path.open("rb") as file:
            self.client.put_object(
                Body=file,
                IfNoneMatch="*",
                ChecksumSHA256=note.checksum,
                **self._about(key, note),
            )

    def _add_parts(self, key: str, path: Path, note: Note) -> None:
        begun = self.client.create_multipart_upload(
            ChecksumAlgorithm="SHA256", **self._about(key, note)
        )
        upload = self._at(key) | {"UploadId": begun["UploadId"]}
        try:
            parts = [
                self._add_part(upload, number, content)
                for number, content in enumerate(_pieces(path), start=1)
            ]
            self.client.complete_multipart_upload(
                MultipartUpload={"Parts": parts}, IfNoneMatch="*", **upload
            )
        except (*S3Error, OSError):
            # What cannot be cleared now is by the next run.
            with suppress(*S3Error):
                self.client.abort_multipart_upload(**upload)
            raise

    def _add_part(
        self, upload: dict[str, object], number: int, content: bytes
    ) -> dict[str, object]:
        checksum = _base64(digest(content))
        answer = self.client.upload_part(
            Body=content, PartNumber=number, ChecksumSHA256=checksum, **upload
        )
        return {
            "PartNumber": number,
            "ETag": answer["ETag"],
            "ChecksumSHA256": checksum,
        }

    def _about(self, key: str, note: Note) -> dict[str, object]:
        return {
            **self._at(key),
            **dict(self.encryption),
            "Metadata": note.metadata,
            "ContentType": CONTENT_TYPES.get(Path(key).suffix, JSON),
        }

    def _settle(self, key: str, note: Note, write: Write) -> bool:
        """Write under a condition; say whether the file is what was to be written.

        Where an answer was lost, the condition fails when botocore tries again: the
        file's own note tells this from a lost race.
        """
        with s3_errors(self.address(key)):
            try:
                _without_conflict(write)
            except ClientError as error:
                status, code = status_of(error), code_of(error)
                is_over = status == FAILED_STATUS or code in (*MISSING, NO_SUCH_UPLOAD)
                if not is_over and status < TEMPORARY_STATUS:
                    raise
                if self._is_written(key, note, error):
                    return True
                if not is_over:
                    raise
                return False
            except UNREACHABLE as error:
                if not self._is_written(key, note, error):
                    raise
            return True

    def _is_written(self, key: str, note: Note, error: Exception) -> bool:
        try:
            return self.note(key) == note
        except StorageError:
            raise StorageError(
                f"{told(self.address(key), error)}; it could not be learnt whether it "
                "was written all the same"
            ) from None

    def copy(self, source: str, target: str) -> None:
        """Copy a file with its note."""
        with s3_errors(self.address(target)):
            self.client.copy_object(
                CopySource=self._at(source),
                ChecksumAlgorithm="SHA256",
                **self._at(target),
                **dict(self.encryption),
            )

    def delete(self, key: str) -> None:
        """Delete a file; none is fine too."""
        with s3_errors(self.address(key)):
            self.client.delete_object(**self._at(key))

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
            # Another run that begins now was faster.
            if code_of(error) != NO_SUCH_UPLOAD:
                raise


def _without_conflict(write: Write) -> None:
    """Try again where S3 says that another request was in the way."""
    for seconds in CONFLICT_SECONDS:
        try:
            write()
        except ClientError as error:
            if status_of(error) != CONFLICT_STATUS:
                raise
            time.sleep(seconds * random.uniform(0.5, 1))  # noqa: S311 - no secret
        else:
            return
    write()


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PART_BYTES):
            yield piece


def _base64(hex_digest: str) -> str:
    return base64.b64encode(bytes.fromhex(hex_digest)).decode()

"""Conditional writes to a bucket: of a new file, or over a known version.

Each request carries the sha256 of its body, which S3 compares with what arrives.
"""

import base64
import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from botocore.exceptions import ClientError

from common.errors import StorageError
from common.files import storage
from publish.manifest import digest
from publish.s3_bucket import NO_SUCH_UPLOAD, Bucket, Note
from publish.s3_errors import (
    CONFLICT_STATUS,
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

# A larger file goes up in parts of this size.
PART_BYTES = 8 << 20
# S3 copies no larger file at once, and latest/ needs copies.
MOST_BYTES = 5 << 30
# Before each new try after a conflict.
CONFLICT_SECONDS = (0.2, 0.4, 0.8, 1.6, 3.2)
CSV = "text/csv; charset=utf-8"
JSON = "application/json"

type Write = Callable[[], object]


def put(bucket: Bucket, key: str, content: bytes, run_id: str, over: str) -> bool:
    """Write a small file if its ETag is still `over` (empty: if there is none).

    Return whether it was written.
    """
    note = Note(run_id, digest(content))
    condition = {"IfMatch": over} if over else {"IfNoneMatch": "*"}

    def write() -> None:
        bucket.client.put_object(
            Body=content,
            ChecksumSHA256=_base64(note.sha256),
            **_about(bucket, key, note),
            **condition,
        )

    return _settle(bucket, key, note, write)


def add(bucket: Bucket, key: str, path: Path, note: Note) -> bool:
    """Upload a file if the key does not exist; return whether it was written."""
    with storage(path):
        size = path.stat().st_size
    if size > MOST_BYTES:
        raise StorageError(f"{bucket.address(key)}: is larger than 5 GiB")
    write = _add_in_parts if size > PART_BYTES else _add_at_once
    return _settle(bucket, key, note, lambda: write(bucket, key, path, note))


def _add_at_once(bucket: Bucket, key: str, path: Path, note: Note) -> None:
    with path.open("rb") as file:
        bucket.client.put_object(
            Body=file,
            ChecksumSHA256=_base64(note.sha256),
            IfNoneMatch="*",
            **_about(bucket, key, note),
        )


def _add_in_parts(bucket: Bucket, key: str, path: Path, note: Note) -> None:
    begun = bucket.client.create_multipart_upload(
        ChecksumAlgorithm="SHA256", **_about(bucket, key, note)
    )
    upload = bucket.at(key) | {"UploadId": begun["UploadId"]}
    try:
        parts = [
            _add_part(bucket, upload, number, content)
            for number, content in enumerate(_pieces(path), start=1)
        ]
        bucket.client.complete_multipart_upload(
            MultipartUpload={"Parts": parts}, IfNoneMatch="*", **upload
        )
    except (*S3Error, OSError):
        # If this fails too, a later build aborts the upload.
        with suppress(*S3Error):
            bucket.client.abort_multipart_upload(**upload)
        raise


def _add_part(
    bucket: Bucket, upload: dict[str, object], number: int, content: bytes
) -> dict[str, object]:
    checksum = _base64(digest(content))
    answer = bucket.client.upload_part(
        Body=content, PartNumber=number, ChecksumSHA256=checksum, **upload
    )
    return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum}


def _about(bucket: Bucket, key: str, note: Note) -> dict[str, object]:
    return {
        **bucket.at(key),
        **dict(bucket.encryption),
        "Metadata": note.metadata,
        "ContentType": CSV if key.endswith(".csv") else JSON,
    }


def _settle(bucket: Bucket, key: str, note: Note, write: Write) -> bool:
    """Write under a condition; return whether the file has what was to be written.

    If an answer is lost, the condition fails when botocore retries. The note of the
    file distinguishes this from a lost race.
    """
    with s3_errors(bucket.address(key)):
        try:
            _write_without_conflict(write)
        except ClientError as error:
            status, code = status_of(error), code_of(error)
            is_taken = status == FAILED_STATUS or code in MISSING
            is_open = status >= TEMPORARY_STATUS or code == NO_SUCH_UPLOAD
            if not (is_taken or is_open):
                raise
            is_written = _is_written(bucket, key, note, error)
            if is_open and not is_written:
                raise
            return is_written
        except UNREACHABLE as error:
            if not _is_written(bucket, key, note, error):
                raise
        return True


def _write_without_conflict(write: Write) -> None:
    """Write, and retry if S3 answers that another request was in conflict."""
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


def _is_written(bucket: Bucket, key: str, note: Note, error: Exception) -> bool:
    try:
        return bucket.note(key) == note
    except StorageError:
        raise StorageError(
            f"{told(bucket.address(key), error)}; it is unknown whether it was written "
            "nevertheless"
        ) from None


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PART_BYTES):
            yield piece


def _base64(hex_digest: str) -> str:
    return base64.b64encode(bytes.fromhex(hex_digest)).decode()

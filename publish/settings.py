"""What publishing is told by the environment."""

import os
import re
from pathlib import Path

from publish.errors import ConfigurationError
from publish.local import LocalRoot
from publish.root import Root

DEFAULT_ROOT = "exports"
S3 = "s3://"
ENCRYPTIONS = ("AES256", "aws:kms")

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
# Neither empty nor of dots alone, which a URL would take for folders.
_FOLDER = re.compile(r"(?!\.+$)[A-Za-z0-9._=-]+", re.ASCII)


def export_root() -> Root:
    """Return the root that EXPORT_ROOT names; it need not exist yet."""
    name = os.environ.get("EXPORT_ROOT", "").strip() or DEFAULT_ROOT
    if name.startswith(S3):
        return _s3_root(name.removeprefix(S3))
    if "://" in name:
        scheme = name.split("://", 1)[0]
        raise ConfigurationError(
            f"EXPORT_ROOT begins with {scheme}://, and only a local folder or "
            "s3://BUCKET/PREFIX can be published to"
        )
    return LocalRoot(Path(name).absolute())


def _s3_root(place: str) -> Root:
    # boto3 takes longer to import than all else that a local root needs.
    from publish.s3 import s3_root  # noqa: PLC0415

    bucket, _, prefix = place.partition("/")
    folders = prefix.rstrip("/").split("/") if prefix.rstrip("/") else []
    if not _BUCKET.fullmatch(bucket) or not all(map(_FOLDER.fullmatch, folders)):
        raise ConfigurationError(
            "EXPORT_ROOT must be a folder or s3://BUCKET/PREFIX, where PREFIX has only "
            "letters, digits, '.', '_', '=', '-' and single '/'"
        )
    return s3_root(bucket, "".join(f"{name}/" for name in folders), _encryption())


def _encryption() -> tuple[tuple[str, str], ...]:
    """Return what S3 is asked to encrypt with, as boto3 calls it."""
    kind, key_id = (
        os.environ.get(name, "").strip() for name in ("EXPORT_SSE", "EXPORT_KMS_KEY_ID")
    )
    if kind and kind not in ENCRYPTIONS:
        raise ConfigurationError(f"EXPORT_SSE must be {' or '.join(ENCRYPTIONS)}")
    if key_id and kind != "aws:kms":
        raise ConfigurationError("EXPORT_KMS_KEY_ID needs EXPORT_SSE=aws:kms")
    asked = (("ServerSideEncryption", kind), ("SSEKMSKeyId", key_id))
    return tuple((name, value) for name, value in asked if value)

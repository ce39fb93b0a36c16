"""The settings of publishing, from the environment."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from common.errors import ConfigError
from publish.layout import S3
from publish.local import LocalRoot
from publish.root import Root

if TYPE_CHECKING:
    from publish.s3 import S3Root

DEFAULT_ROOT = "exports"
ENCRYPTIONS = ("AES256", "aws:kms")

# As a URL begins. A local folder with a colon can be written as ./a:b.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?://)?", re.ASCII)
# Neither an address nor with an empty part.
_BUCKET = re.compile(
    r"(?!(?:[0-9]+\.){3}[0-9]+$)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII
)
# Neither empty nor of dots alone, which a URL would take for folders.
_FOLDER = re.compile(r"(?!\.+$)[A-Za-z0-9._=-]+", re.ASCII)


def export_root() -> Root:
    """Return the root that EXPORT_ROOT names; it need not exist yet."""
    name = os.environ.get("EXPORT_ROOT", "").strip() or DEFAULT_ROOT
    scheme = _SCHEME.match(name)
    if scheme is None:
        return LocalRoot(Path(name).absolute())
    if scheme[0].lower().startswith("s3:"):
        return s3_root_at(name, "EXPORT_ROOT", "a folder or ")
    raise ConfigError(
        f"EXPORT_ROOT begins with {scheme[0]}, and only a local folder or "
        "s3://BUCKET/PREFIX can be published to"
    )


def s3_root_at(address: str, setting: str, otherwise: str = "") -> "S3Root":
    """Return the root at s3://BUCKET/PREFIX, which `setting` gives.

    Raises ConfigError if the address is wrong.
    """
    # boto3 takes longer to import than everything that a local root needs.
    from publish.s3 import s3_root  # noqa: PLC0415

    bucket, _, prefix = address.removeprefix(S3).partition("/")
    folders = prefix.rstrip("/").split("/") if prefix.rstrip("/") else []
    if not (
        address.startswith(S3)
        and _BUCKET.fullmatch(bucket)
        and all(map(_FOLDER.fullmatch, folders))
    ):
        raise ConfigError(
            f"{setting} must be {otherwise}s3://BUCKET/PREFIX, where BUCKET is 3 to 63 "
            "lower-case letters, digits, '.' and '-', and PREFIX has only letters, "
            "digits, '.', '_', '=', '-' and single '/'"
        )
    return s3_root(bucket, "".join(f"{name}/" for name in folders), _encryption())


def _encryption() -> tuple[tuple[str, str], ...]:
    """Return the encryption that S3 must use, as boto3 names its options."""
    kind, key_id = (
        os.environ.get(name, "").strip() for name in ("EXPORT_SSE", "EXPORT_KMS_KEY_ID")
    )
    if kind and kind not in ENCRYPTIONS:
        raise ConfigError(f"EXPORT_SSE must be {' or '.join(ENCRYPTIONS)}")
    if key_id and kind != "aws:kms":
        raise ConfigError("EXPORT_KMS_KEY_ID needs EXPORT_SSE=aws:kms")
    asked = (("ServerSideEncryption", kind), ("SSEKMSKeyId", key_id))
    return tuple((name, value) for name, value in asked if value)

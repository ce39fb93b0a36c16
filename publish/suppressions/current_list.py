"""Recording the list that SUPPRESSIONS_CSV names, before anything is decided by it."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from common.errors import ConfigError
from common.files import storage, write_private
from publish.layout import S3
from publish.promotion import promoted_segments
from publish.root import Root
from publish.settings import s3_root_at
from publish.suppressions.ledger import Recorded, record

LIST = "SUPPRESSIONS_CSV"
# The source of its entries, whatever the file is called.
SOURCE = "list"


def list_address() -> str:
    """Return the path or address in SUPPRESSIONS_CSV, '' if it is not set."""
    return os.environ.get(LIST, "").strip()


def record_current_list(root: Root, allow_unreadable: int) -> Recorded | None:
    """Record the list that SUPPRESSIONS_CSV names; return None if it is not set."""
    address = list_address()
    if not address:
        return None
    if not address.startswith(S3):
        return _record(root, Path(address), allow_unreadable)
    folder, _, name = address.rpartition("/")
    content = s3_root_at(folder, LIST).read(name)
    if content is None:
        raise ConfigError(f"{LIST}: {address} does not exist")
    with storage(address), TemporaryDirectory() as private:
        local = Path(private) / name
        write_private(local, content)
        try:
            return _record(root, local, allow_unreadable)
        except ConfigError as error:
            raise ConfigError(str(error).replace(str(local), address)) from None


def _record(root: Root, path: Path, allow_unreadable: int) -> Recorded:
    return record(
        root,
        path,
        source=SOURCE,
        allow_unreadable=allow_unreadable,
        named=promoted_segments(root),
    )

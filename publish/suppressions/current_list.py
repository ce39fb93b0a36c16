"""Recording the list that SUPPRESSIONS_CSV names, before anything is decided by it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from common.errors import ConfigError
from common.files import fingerprint, storage, write_private
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


def record_current_list(
    root: Root, allow_unreadable: int, *, recorded: str = ""
) -> Recorded | None:
    """Record the list that SUPPRESSIONS_CSV names.

    Return None if it is not set, or if its sha256 is still `recorded`.
    """
    address = list_address()
    if not address:
        return None
    with _on_this_machine(address) as path:
        if recorded and path.is_file() and fingerprint(path)[0] == recorded:
            return None
        try:
            return record(
                root,
                path,
                source=SOURCE,
                allow_unreadable=allow_unreadable,
                named=promoted_segments(root),
            )
        except ConfigError as error:
            raise ConfigError(str(error).replace(str(path), address)) from None


@contextmanager
def _on_this_machine(address: str) -> Iterator[Path]:
    """Yield the path of a list, which is fetched if it is in a bucket."""
    if not address.startswith(S3):
        yield Path(address)
        return
    folder, _, name = address.rpartition("/")
    content = s3_root_at(folder, LIST).read(name)
    if content is None:
        raise ConfigError(f"{LIST}: {address} does not exist")
    with storage(address), TemporaryDirectory() as private:
        path = Path(private) / name
        write_private(path, content)
        yield path

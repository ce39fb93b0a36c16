"""Recording the list that SUPPRESSIONS_CSV names, before anything is decided by it."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from common.errors import ConfigError
from common.files import storage, write_private
from publish.layout import S3
from publish.root import Root
from publish.settings import s3_root_at
from publish.suppressions.ledger import record

LIST = "SUPPRESSIONS_CSV"


def record_current_list(root: Root, allow_unreadable: int) -> None:
    """Record the list that SUPPRESSIONS_CSV names, if it is set."""
    address = os.environ.get(LIST, "").strip()
    if not address.startswith(S3):
        if address:
            record(root, Path(address), allow_unreadable=allow_unreadable)
        return
    folder, _, name = address.rpartition("/")
    content = s3_root_at(folder, LIST).read(name)
    if content is None:
        raise ConfigError(f"{LIST}: {address} does not exist")
    with storage(address), TemporaryDirectory() as private:
        # Its source is its name, wherever it is read from.
        local = Path(private) / name
        write_private(local, content)
        record(root, local, allow_unreadable=allow_unreadable)

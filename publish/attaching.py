"""Files for people beside those of a run: the manifest does not list them."""

from common.files import write_private
from publish.layout import run_key
from publish.manifest import digest
from publish.root import Root
from publish.staging import claim, settle


def attach(root: Root, run_id: str, name: str, content: bytes) -> None:
    """Write one of layout.UNLISTED beside the files of a run, once."""
    staged = claim(root.staging, run_id, name)
    write_private(staged, content)
    root.add(run_key(run_id, name), staged, run_id, digest(content))
    settle(root.staging, run_id, name)

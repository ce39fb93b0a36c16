"""Writing a run's manifest, the last of its files."""

from common.errors import ContractError
from common.files import write_private
from publish.layout import MANIFEST, manifest_key
from publish.manifest import Manifest, digest, write_manifest
from publish.root import Root
from publish.staging import claim, drop


def write_manifest_file(root: Root, manifest: Manifest) -> None:
    """Finish a run whose files have been audited."""
    run_id = manifest.about.run_id
    content = write_manifest(manifest)
    staged = claim(root.staging, run_id, MANIFEST)
    write_private(staged, content)
    root.add(manifest_key(run_id), staged, run_id, digest(content))
    drop(root.staging, run_id)
    if root.read(manifest_key(run_id)) != content:
        raise ContractError(f"run {run_id}: {MANIFEST}: cannot be read back")

"""Whether a build's run is promoted, and what the promoted run holds of a candidate."""

from collections.abc import Iterator, Set
from dataclasses import dataclass

from common.errors import CommandError, ContractError
from publish.contacts import Key, key, table
from publish.layout import EVIDENCE, EXCLUSIONS
from publish.manifest import Manifest
from publish.promotion import load_manifest, load_promoted
from publish.root import Root
from publish.settings import export_root

SAME = "same"
COPY = "copy"
OTHER = "other"
NONE = "none"
UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Promoted:
    """The promoted run as a build's run sees it.

    `relation` is SAME; COPY, if it was made from the build's run by leaving people out;
    OTHER; NONE, if no run is promoted; or UNREADABLE, with the reason in `obstacle`.
    """

    relation: str
    root: Root | None = None
    manifest: Manifest | None = None
    obstacle: str | None = None

    @property
    def run_id(self) -> str | None:
        """Return the id of the promoted run, if one can be read."""
        return self.manifest.about.run_id if self.manifest else None


def read_promoted(run_id: str) -> Promoted:
    """Return the promoted run under EXPORT_ROOT, in relation to the run of a build."""
    try:
        root = export_root()
        manifest = load_promoted(root)
        if manifest is None:
            return Promoted(NONE, root)
        if manifest.about.run_id == run_id:
            return Promoted(SAME, root, manifest)
        relation = COPY if run_id in _sources(root, manifest) else OTHER
        return Promoted(relation, root, manifest)
    except CommandError as error:
        return Promoted(UNREADABLE, obstacle=str(error))


def _sources(root: Root, manifest: Manifest) -> Iterator[str]:
    """Yield the run that a run is a copy of, then the one that this copies, ..."""
    while source := manifest.about.derived_from:
        yield source
        try:
            manifest, _ = load_manifest(root, source)
        except ContractError:
            return  # It was pruned.


def read_fates(promoted: Promoted, keys: Set[Key]) -> dict[Key, str]:
    """Return `exported` or the exclusion reason of candidates in the promoted run.

    Leave out candidates that it does not have.
    """
    root, manifest = promoted.root, promoted.manifest
    if root is None or manifest is None:
        return {}
    fates = {}
    for path in (EXCLUSIONS, EVIDENCE):
        for row in table(root, manifest, path):
            if (who := key(row, path)) in keys:
                fates[who] = row["reason"] if path == EXCLUSIONS else "exported"
    return fates


def has_evidence(promoted: Promoted) -> bool:
    """Return whether the promoted run says who is exported; older runs do not."""
    files = promoted.manifest.files if promoted.manifest else ()
    return any(file.path == EVIDENCE for file in files)

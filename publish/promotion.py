"""Promoting a run: what current.json and latest/ show.

The order makes every moment safe to be stopped in. The copies for latest/ are made
first, out of sight; then current.json moves, then the link `latest`. A run that is
killed between those two has promoted: the next build or `publish promote` moves the
link (`repair_latest`).
"""

import contextlib
from datetime import UTC, datetime
from pathlib import Path

from publish.audit import audit_folder, audit_run
from publish.errors import ContractError, LostRaceError
from publish.layout import CURRENT, LATEST, MANIFEST, manifest_key
from publish.manifest import (
    Current,
    Manifest,
    RunFile,
    digest,
    read_current,
    read_manifest,
    write_current,
)
from publish.root import (
    copies_key,
    copies_run,
    fill_copies,
    list_files,
    locked,
    read,
    replace,
    show_copies,
)

OTHER_MANIFEST = "damaged, its sha256 is not the one in current.json"


def current_digest(root: Path) -> str:
    """Return the sha256 of current.json, empty where nothing is promoted."""
    return digest(read(root, CURRENT))


def load_current(root: Path) -> Current | None:
    """Return what current.json says, None where nothing is promoted."""
    content = read(root, CURRENT)
    return None if content is None else read_current(content)


def load_manifest(root: Path, run_id: str) -> tuple[Manifest, str]:
    """Return a run's manifest and its sha256; ContractError where there is none."""
    content = read(root, manifest_key(run_id))
    if content is None:
        raise ContractError(f"run {run_id}: has no manifest, so it did not finish")
    return read_manifest(content, run_id), digest(content)


def verify(root: Path, run_id: str) -> list[str]:
    """Return what is wrong with a finished run, one line each; none: all is well.

    For the promoted run this includes current.json and the copies under latest/.
    """
    manifest, sha256 = load_manifest(root, run_id)
    problems = audit_run(root, run_id, manifest.files)
    current = load_current(root)
    if current is not None and current.run_id == run_id:
        if current.manifest_sha256 != sha256:
            problems.append(f"{MANIFEST}: {OTHER_MANIFEST}")
        problems += _audit_latest(root, manifest)
    return problems


def promote(root: Path, run_id: str, began_with: str) -> bool:
    """Make a finished, audited run the promoted one; say whether current.json moved.

    `began_with` is the sha256 of current.json (`current_digest`) when the caller
    began: LostRaceError if it has changed since, or if another process is promoting.
    A run that is promoted already keeps its current.json, and latest/ is put right.
    """
    manifest, sha256 = load_manifest(root, run_id)
    with locked(root):
        if current_digest(root) != began_with:
            raise LostRaceError(
                f"run {run_id}: another run was promoted meanwhile; nothing was moved"
            )
        moved = _would_move(root, run_id, sha256)
        # Whatever can fail comes before current.json moves.
        copies_run(root)
        fill_copies(root, run_id, _digests(manifest))
        if moved:
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            current = Current(run_id, manifest_key(run_id), sha256, now)
            replace(root, CURRENT, write_current(current))
        show_copies(root, run_id)
    return moved


def repair_latest(root: Path) -> None:
    """Finish a promotion that was stopped before latest/ had followed current.json.

    Where that cannot be done (a file of the promoted run was damaged, or a process is
    promoting just now) nothing happens: the next promotion sets it right, and
    `publish verify` names what is wrong.
    """
    promoted = _promoted_run(root)
    if promoted is None:
        return
    run_id, _ = promoted
    with contextlib.suppress(ContractError, LostRaceError):
        began_with = current_digest(root)
        manifest, _ = load_manifest(root, run_id)
        if not _is_latest_in_place(root, manifest):
            promote(root, run_id, began_with)


def _promoted_run(root: Path) -> tuple[str, str] | None:
    """Return run id and manifest's sha256 from current.json, if it can be read."""
    try:
        current = load_current(root)
    except ContractError:
        return None
    return None if current is None else (current.run_id, current.manifest_sha256)


def _would_move(root: Path, run_id: str, sha256: str) -> bool:
    """Say whether promoting a run changes current.json.

    ContractError where the run is promoted, but with another manifest.
    """
    promoted = _promoted_run(root)
    if promoted is None or promoted[0] != run_id:
        return True
    if promoted[1] != sha256:
        raise ContractError(f"run {run_id}: {MANIFEST}: {OTHER_MANIFEST}")
    return False


def _copied(manifest: Manifest) -> list[RunFile]:
    return [file for file in manifest.files if file.audience]


def _digests(manifest: Manifest) -> dict[str, str]:
    return {file.path: file.sha256 for file in _copied(manifest)}


def _is_latest_in_place(root: Path, manifest: Manifest) -> bool:
    """Compare names and sizes only: this runs at the start of every build."""
    run_id = manifest.about.run_id
    sizes = {file.path: file.bytes for file in _copied(manifest)}
    return copies_run(root) == run_id and list_files(root, copies_key(run_id)) == sizes


def _audit_latest(root: Path, manifest: Manifest) -> list[str]:
    run_id = manifest.about.run_id
    if copies_run(root) != run_id:
        return [f"{LATEST}: does not show this run"]
    problems = audit_folder(root, copies_key(run_id), _copied(manifest))
    return [f"{LATEST}/{problem}" for problem in problems]

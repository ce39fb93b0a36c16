"""Promoting a run: what current.json and latest/ show.

The order makes it safe to be killed at any moment. First comes all that can be done
out of sight, then current.json moves and is logged, then latest/ follows. A process
that is killed after the move has promoted its run: the next build or `sms publish
promote` updates latest/ (`repair_latest`), and the next promotion logs it.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from common.errors import ContractError, LostRaceError, StorageError, lost_race
from common.files import write_private
from publish.audit import audit_folder, audit_run
from publish.guard import check_volume, how_to_accept, max_change
from publish.held_back import check_held_back, check_stops
from publish.history import log_current, promoted_runs, who_promotes
from publish.layout import LATEST, MANIFEST, manifest_key
from publish.manifest import (
    Current,
    Manifest,
    RunFile,
    digest,
    read_current,
    read_manifest,
    write_current,
    write_manifest,
)
from publish.root import Root
from publish.staging import claim, drop

OTHER_MANIFEST = "damaged, its sha256 is not the one in current.json"


def load_current(root: Root) -> Current | None:
    """Return what current.json says, None if nothing is promoted."""
    content = root.current().content
    return None if content is None else read_current(content)


def load_manifest(root: Root, run_id: str) -> tuple[Manifest, str]:
    """Return a run's manifest and its sha256; raise ContractError if it has none."""
    content = root.read(manifest_key(run_id))
    if content is None:
        raise ContractError(
            f"run {run_id}: has no manifest: it did not finish, or was removed"
        )
    return read_manifest(content, run_id), digest(content)


def write_manifest_file(root: Root, manifest: Manifest) -> None:
    """Finish a run whose files have been audited: its manifest is its last file."""
    run_id = manifest.about.run_id
    content = write_manifest(manifest)
    staged = claim(root.staging, run_id, MANIFEST)
    write_private(staged, content)
    root.add(manifest_key(run_id), staged, run_id, digest(content))
    drop(root.staging, run_id)
    if root.read(manifest_key(run_id)) != content:
        raise ContractError(f"run {run_id}: {MANIFEST}: cannot be read back")


def load_promoted(root: Root) -> Manifest | None:
    """Return the manifest of the promoted run, None if nothing is promoted.

    Raise ContractError if it cannot be read or is not the one of current.json.
    """
    current = load_current(root)
    if current is None:
        return None
    manifest, sha256 = load_manifest(root, current.run_id)
    if current.manifest_sha256 != sha256:
        raise _other_manifest(current.run_id)
    return manifest


def promoted_segments(root: Root) -> tuple[str, ...]:
    """Return the segments that the promoted run names; none if it cannot be read."""
    with contextlib.suppress(ContractError):
        promoted = load_promoted(root)
        if promoted is not None:
            return promoted.segments
    return ()


def verify(root: Root, run_id: str) -> list[str]:
    """Return what is wrong with a finished run, one line each.

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


def promote(
    root: Root, run_id: str, began_with: str, *, accept_change: bool = False
) -> bool:
    """Promote a finished, audited run; return whether current.json moved.

    `began_with` is the version of current.json when the caller began. Raise
    LostRaceError if it has changed since, or if another process is promoting;
    ContractError if the run has people who said stop after it was decided, or, unless
    `accept_change`, people whom the promoted run held back, or far more or fewer rows
    than the promoted run. If the run is promoted already, only latest/ is repaired.
    """
    with root.promoting():
        # Read under the lock: a prune removes the manifest first.
        manifest, sha256 = load_manifest(root, run_id)
        if root.current().version != began_with:
            raise lost_race(run_id)
        moves = _would_move(root, run_id, sha256)
        if moves:
            check(root, manifest, accept_change=accept_change)
        root.stage_latest(run_id, _digests(manifest))
        # The run that is replaced, if its promotion was stopped before this.
        log_current(root)
        if moves:
            root.move_current(_current(run_id, sha256), run_id, began_with)
            log_current(root)
        _have_latest_follow(root, manifest)
    return moves


def check(root: Root, manifest: Manifest, *, accept_change: bool = False) -> None:
    """Raise ContractError if a run must not replace the promoted one."""
    check_stops(root, manifest, promoted_segments(root))
    if not accept_change:
        _compare(root, manifest)


def repair_latest(root: Root) -> None:
    """Finish a promotion that was stopped before latest/ had followed current.json.

    If that is impossible (a file of the promoted run is damaged, or another process
    is promoting), do nothing: the next promotion repairs it, and `sms publish verify`
    names what is wrong.
    """
    promoted = _promoted_run(root)
    if promoted is None:
        return
    run_id, _ = promoted
    with contextlib.suppress(ContractError, LostRaceError):
        began_with = root.current().version
        manifest, _ = load_manifest(root, run_id)
        if not _is_latest_in_place(root, manifest):
            promote(root, run_id, began_with)


def _promoted_run(root: Root) -> tuple[str, str] | None:
    """Return run id and manifest's sha256 from current.json, if it can be read."""
    try:
        current = load_current(root)
    except ContractError:
        return None
    return None if current is None else (current.run_id, current.manifest_sha256)


def _would_move(root: Root, run_id: str, sha256: str) -> bool:
    """Return whether promoting a run changes current.json.

    Raise ContractError if the run is promoted, but with another manifest.
    """
    promoted = _promoted_run(root)
    if promoted is None or promoted[0] != run_id:
        return True
    if promoted[1] != sha256:
        raise _other_manifest(run_id)
    return False


def _other_manifest(run_id: str) -> ContractError:
    return ContractError(f"run {run_id}: {MANIFEST}: {OTHER_MANIFEST}")


def _compare(root: Root, manifest: Manifest) -> None:
    """Compare a run with the promoted one; raise ContractError if that fails."""
    is_guarded = max_change(manifest) is not None
    try:
        promoted = load_promoted(root)
    except ContractError as error:
        if not is_guarded:
            return
        run_id = manifest.about.run_id
        raise ContractError(
            f"run {run_id}: is not promoted, as it cannot be compared with the "
            f"promoted run ({error}). {how_to_accept(run_id)}"
        ) from error
    if promoted is None:
        return
    check_held_back(root, promoted, manifest)
    lineage = list(origins(root, manifest))
    log = promoted_runs(root)
    # A way back is not compared. Rows of people who said stop do not count.
    if not any(origin.about.run_id in log for origin in lineage):
        check_volume(promoted, replace(lineage[-1], about=manifest.about))


def origins(root: Root, manifest: Manifest) -> Iterator[Manifest]:
    """Yield a run, the run that it is a copy of, and so on, while these are there."""
    yield manifest
    if manifest.about.derived_from is not None:
        with contextlib.suppress(ContractError):
            source, _ = load_manifest(root, manifest.about.derived_from)
            yield from origins(root, source)


def _current(run_id: str, sha256: str) -> bytes:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    current = Current(run_id, manifest_key(run_id), sha256, now, who_promotes())
    return write_current(current)


def _have_latest_follow(root: Root, manifest: Manifest) -> None:
    """Update latest/ to the promoted run, even if another is promoted meanwhile.

    Two processes can copy to a bucket at the same time. Each checks current.json when
    it is done, so the last to finish leaves the copies of the promoted run.
    """
    run_id = manifest.about.run_id
    try:
        root.show_latest(run_id, _digests(manifest))
        promoted = _promoted_run(root)
        if promoted is not None and promoted[0] != run_id:
            _have_latest_follow(root, load_manifest(root, promoted[0])[0])
    except StorageError as error:
        raise StorageError(
            f"run {run_id}: is promoted, but latest/ was not updated: {error}; "
            f"`sms publish promote {run_id}` or the next build updates it"
        ) from error


def _copied(manifest: Manifest) -> list[RunFile]:
    return [file for file in manifest.files if file.audience]


def _digests(manifest: Manifest) -> dict[str, str]:
    return {file.path: file.sha256 for file in _copied(manifest)}


def _is_latest_in_place(root: Root, manifest: Manifest) -> bool:
    """Compare only names and sizes, as this runs at the start of every build."""
    sizes = {file.path: file.bytes for file in _copied(manifest)}
    return root.shows(manifest.about.run_id) and root.list_files(LATEST) == sizes


def _audit_latest(root: Root, manifest: Manifest) -> list[str]:
    if not root.shows(manifest.about.run_id):
        return [f"{LATEST}: does not show this run"]
    problems = audit_folder(root, LATEST, _copied(manifest))
    return [f"{LATEST}/{problem}" for problem in problems]

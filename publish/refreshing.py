"""Promoting a run, and leaving out people who have said stop since it was decided."""

from dataclasses import dataclass

from common.errors import ContractError, StorageError
from publish import promotion
from publish.contacts import stopped_rows
from publish.held_back import count_phones
from publish.leaving_out import derive
from publish.manifest import Manifest
from publish.root import Root
from publish.suppressions.ledger import read_ledger


@dataclass(frozen=True)
class LeftOut:
    """A promoted copy of a run, and what it lacks."""

    run_id: str
    rows: int
    phones: int


def promote(
    root: Root, run_id: str, began_with: str, *, accept_change: bool = False
) -> bool:
    """Promote a run as publish.promotion does; return whether current.json moved.

    The ledger is read again afterwards: stops that came in meanwhile are left out at
    once.
    """
    moved = promotion.promote(root, run_id, began_with, accept_change=accept_change)
    try:
        refresh(root)
    except (ContractError, StorageError) as error:
        raise type(error)(
            f"run {run_id}: is promoted, but people who said stop meanwhile are not "
            f"left out yet: {error}. `sms publish refresh` leaves them out"
        ) from error
    return moved


def refresh(root: Root) -> LeftOut | None:
    """Leave new stops out of the promoted run; return None if there are none."""
    began_with = root.current().version
    promoted = promotion.load_promoted(root)
    if promoted is None:
        return None
    return promote_without_stops(root, promoted, began_with)


def promote_without_stops(
    root: Root, manifest: Manifest, began_with: str, *, accept_change: bool = False
) -> LeftOut | None:
    """Promote a copy of a run without new stops; return None if there are none."""
    named = {*promotion.promoted_segments(root), *manifest.segments}
    ledger = read_ledger(root, named)
    gone = stopped_rows(root, manifest, ledger)
    if not gone:
        return None
    copy = derive(root, manifest, gone, ledger)
    promote(root, copy.about.run_id, began_with, accept_change=accept_change)
    return LeftOut(copy.about.run_id, len(gone), count_phones(gone.values()))

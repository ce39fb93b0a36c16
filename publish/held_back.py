"""What forbids a promotion: people who said stop, or whom the promoted run held back.

Both are worked out from the files of the runs and the ledger alone, so they hold on
every machine and for every load.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from common.errors import ContractError
from common.text import counted
from publish.contacts import (
    Found,
    Key,
    audience_tables,
    decided_by,
    key,
    stopped_rows,
    suppressed_rows,
    table,
)
from publish.guard import how_to_accept
from publish.layout import EXCLUSIONS
from publish.manifest import Manifest
from publish.root import Root
from publish.suppressions.ledger import read_ledger

NO_CONSENT = frozenset({"consent_denied", "consent_missing", "consent_expired"})
TIMESTAMP = "sms_marketing_timestamp"


def check_stops(root: Root, manifest: Manifest, named: Collection[str]) -> None:
    """Raise ContractError if a run has people who said stop after it was decided.

    Also if a segment of the ledger is missing that the run or `named` has.
    """
    ledger = read_ledger(root, {*named, *manifest.segments})
    found = stopped_rows(root, manifest, ledger)
    if found:
        run_id = manifest.about.run_id
        raise ContractError(
            f"run {run_id}: is not promoted, as people in it have said stop since: "
            f"{counted(len(found), 'row')}, "
            f"{counted(count_phones(found.values()), 'phone')}. To promote a copy "
            f"without them: sms publish promote {run_id} --leave-out-suppressed"
        )


def count_phones(found: Iterable[Found]) -> int:
    """Return the number of distinct phones among addresses."""
    addresses = {address for row in found for address in row.addresses}
    return sum("@" not in address for address in addresses)


def check_held_back(root: Root, promoted: Manifest, manifest: Manifest) -> None:
    """Raise ContractError if a run has people whom the promoted run held back.

    These are rows without consent in the promoted run, unless the consent is newer
    than that run, and rows with an address that was suppressed in it.
    """
    if manifest.about.derived_from == promoted.about.run_id:
        return  # It only lacks rows.
    decided = decided_by(root, promoted)
    suppressed = set(suppressed_rows(root, manifest, decided))
    rows = suppressed | _without_consent(root, promoted, manifest)
    if rows:
        run_id = manifest.about.run_id
        raise ContractError(
            f"run {run_id}: is not promoted, as it has {counted(len(rows), 'row')} of "
            f"people whom the promoted run {promoted.about.run_id} held back: "
            f"{len(suppressed)} were suppressed, {len(rows - suppressed)} had no "
            f"consent. {how_to_accept(run_id)}"
        )


def _without_consent(root: Root, promoted: Manifest, manifest: Manifest) -> set[Key]:
    # A hash takes a fraction of a key's memory, and as good as never agrees by chance.
    held = {
        hash(_person(key(row, EXCLUSIONS)))
        for row in table(root, promoted, EXCLUSIONS)
        if row.get("reason") in NO_CONSENT
    }
    rows: set[Key] = set()
    for _, found in audience_tables(root, manifest) if held else ():
        key_of = found.key_getter()
        dated = found.columns.index(TIMESTAMP) if TIMESTAMP in found.columns else None
        for values in found.rows:
            who = key_of(values)
            if hash(_person(who)) in held:
                given = "" if dated is None else values[dated]
                if not _is_after(given, promoted.about.as_of):
                    rows.add(who)
    return rows


def _person(who: Key) -> Key:
    """Return portal, activity and subject."""
    portal, _, activity, subject = who
    return portal, activity, subject


def _is_after(given: str, as_of: str) -> bool:
    try:
        return datetime.fromisoformat(given) > datetime.fromisoformat(as_of)
    except (TypeError, ValueError):
        return False

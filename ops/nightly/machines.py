"""One night at a time on all machines that share a store of loads.

`loads/night.json` in the store says which night is in progress. It is written under the
condition that nothing has changed since it was read, and never deleted, since a night's
role cannot delete anything. A killed night leaves it: then it counts for LONGEST, but
not for a night in the same folder, whose own lock shows that the killed one is gone.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from common.errors import CommandError, StorageError
from extract.landing import LOADS
from publish.history import who_promotes
from publish.manifest import canonical
from publish.s3_bucket import Bucket
from publish.s3_writing import put

KEY = f"{LOADS}/night.json"
# A load gives up after 12 hours.
LONGEST = timedelta(hours=13)


@dataclass(frozen=True)
class Held:
    """The right of this machine to a night, and what it wrote for that."""

    store: Bucket
    night: str
    content: bytes

    def check(self) -> None:
        """Raise StorageError if another machine has begun a night meanwhile."""
        found = self.store.read(KEY)
        if found is None or found[0] != self.content:
            raise StorageError(
                f"{self.store.address(KEY)}: another night has begun meanwhile, so "
                "this one stops"
            )

    def release(self) -> None:
        """Let the next night begin, unless another one has begun already."""
        found = self.store.read(KEY)
        if found is not None and found[0] == self.content:
            facts = {**json.loads(self.content), "ended_at": _text(datetime.now(UTC))}
            put(self.store, KEY, canonical(facts), self.night, found[1])


@contextmanager
def only_machine(
    store: Bucket, night: str, place: str, *, breaks_lock: bool
) -> Iterator[Held]:
    """Hold the right to a night; raise StorageError if another machine has it.

    `place` is the name of the night's folder, which the caller has locked.
    """
    held = _take(store, night, place, breaks_lock=breaks_lock)
    try:
        yield held
    finally:
        # If this fails, the lock ends with its age.
        with suppress(CommandError):
            held.release()


def _take(store: Bucket, night: str, place: str, *, breaks_lock: bool) -> Held:
    now = datetime.now(UTC)
    found = store.read(KEY)
    if found is not None and not breaks_lock:
        _check_ended(store, found[0], place, now)
    facts = {
        "night": night,
        "machine": who_promotes(),
        "place": place,
        "began_at": _text(now),
    }
    content = canonical(facts)
    if not put(store, KEY, content, night, found[1] if found else ""):
        raise StorageError(f"{store.address(KEY)}: another night began just now")
    return Held(store, night, content)


def _check_ended(store: Bucket, content: bytes, place: str, now: datetime) -> None:
    try:
        facts = json.loads(content)
        began_at = datetime.fromisoformat(facts["began_at"])
        is_over = "ended_at" in facts or facts.get("place") == place
        is_open = not is_over and now - began_at < LONGEST
    except (ValueError, KeyError, TypeError):
        raise StorageError(
            f"{store.address(KEY)}: is malformed; --break-lock replaces it"
        ) from None
    if is_open:
        raise StorageError(
            f"another night is in progress on {facts.get('machine')}, since "
            f"{began_at:%Y-%m-%d %H:%M} UTC ({store.address(KEY)}). If it was killed, "
            f"give --break-lock, or wait until {began_at + LONGEST:%H:%M} UTC"
        )


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")

"""How long 100,000 entries over 1,000 segments take a build.

`EXPORT_ROOT=... python -m tests.suppressions.bench_ledger` fills an empty root, then
reads it as a build does.
"""

import time
from datetime import UTC, datetime

from publish.settings import export_root
from publish.suppressions import ledger
from publish.suppressions.entries import START, STOP, Entry, new_entries

SEGMENTS, ENTRIES = 1_000, 100


def main() -> None:
    """Fill the root, then print the seconds of each step, best of five."""
    root = export_root()
    with ledger._recording(root):
        found = ledger.read_ledger(root)
        for number in range(SEGMENTS):
            entries = [_entry(number * ENTRIES + n) for n in range(ENTRIES)]
            found = ledger._add(root, found, entries, datetime.now(UTC))
    best = [float("inf")] * 3
    for _ in range(5):
        began = time.perf_counter()
        found = ledger.read_ledger(root)
        read = time.perf_counter()
        assert found.suppressed
        decided = time.perf_counter()
        new_entries(found.entries, found.entries[:10_000], "2026-01-01T00:00:00Z")
        steps = read - began, decided - read, time.perf_counter() - decided
        best = [min(pair) for pair in zip(best, steps, strict=True)]
    names = ("read", "who is suppressed", "what a list of 10,000 adds")
    for name, seconds in zip(names, best, strict=True):
        print(f"{name}: {seconds:.2f} s")  # noqa: T201
    print(f"{len(found.entries):,} entries, {len(found.segments):,} segments")  # noqa: T201


def _entry(number: int) -> Entry:
    at = f"2025-{number % 12 + 1:02}-{number % 28 + 1:02}T10:00:{number % 60:02}Z"
    action = START if number % 10 == 1 else STOP
    recorded = "2026-01-01T00:00:00Z"
    if number % 2:
        phone = f"+1206555{number % 10_000:04}"
        return Entry("sms", phone, action, at, "STOP", f"list {number}", recorded)
    email = f"parent{number}@example.com"
    return Entry("email", email, STOP, at, "STOP", "list", recorded)


if __name__ == "__main__":
    main()

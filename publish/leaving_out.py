"""A copy of a run without the rows of people who have said stop since it was built.

The copy is a run like any other: written once, audited, with a manifest of its own. Its
files keep their order and dialect: what stays is copied byte for byte (CSV).
"""

import csv
import heapq
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from secrets import token_hex
from typing import BinaryIO

from common.errors import ContractError
from common.files import create, fingerprint, flush
from publish.audit import audit_counts, audit_run, raise_problems
from publish.contacts import KEY, Found, Key, Table, guarded
from publish.layout import EXCLUSIONS, RUN_SUPPRESSIONS, run_key
from publish.manifest import Counts, Manifest, RunFile
from publish.promotion import write_manifest_file
from publish.root import Root
from publish.rows import as_text, json_contacts, raw_records
from publish.staging import claim, drop
from publish.suppressions.ledger import Ledger

SUPPRESSED = "suppressed"


def derive(
    root: Root,
    source: Manifest,
    gone: Mapping[Key, Found],
    ledger: Ledger,
) -> Manifest:
    """Write a copy of a run without some rows; `ledger` decided that."""
    raise_problems(
        source.about.run_id, audit_run(root, source.about.run_id, source.files)
    )
    now = datetime.now(UTC)
    run_id = f"{now:%Y%m%dT%H%M%S%f}Z-{token_hex(4)}"
    about = replace(source.about, run_id=run_id, derived_from=source.about.run_id)
    left = Counter((who[0], found.audience) for who, found in gone.items())
    try:
        files = [
            _write(root, run_id, _expected(file, gone, left), pieces)
            for file, pieces in _contents(root, source, gone)
        ]
        content = ledger.table.encode()
        table = RunFile(
            RUN_SUPPRESSIONS, None, None, "csv", len(ledger.suppressed), 0, ""
        )
        files.append(_write(root, run_id, table, [content]))
        counts = tuple(_counted(c, left[c.portal, c.audience]) for c in source.counts)
        copy = Manifest(about, tuple(files), counts, ledger.facts())
        raise_problems(run_id, audit_counts(copy.files, copy.counts))
        raise_problems(run_id, audit_run(root, run_id, copy.files))
        write_manifest_file(root, copy)
    finally:
        drop(root.staging, run_id)
    return copy


def _contents(
    root: Root, source: Manifest, gone: Mapping[Key, Found]
) -> Iterator[tuple[RunFile, Iterator[bytes]]]:
    for file in source.files:
        if file.path == RUN_SUPPRESSIONS:
            continue
        with root.open(run_key(source.about.run_id, file.path)) as stream:
            if file.format == "json":
                yield file, _json_without(stream, file, gone)
            elif file.path == EXCLUSIONS:
                yield file, _exclusions_with(stream, gone)
            else:
                yield file, _csv_without(stream, file.path, gone)


def _expected(
    file: RunFile, gone: Mapping[Key, Found], left: Mapping[tuple[str, str], int]
) -> RunFile:
    if file.portal and file.audience:
        return replace(file, rows=file.rows - left[file.portal, file.audience])
    if file.path == EXCLUSIONS:
        return replace(file, rows=file.rows + len(gone))
    return replace(file, rows=file.rows - len(gone))


def _write(root: Root, run_id: str, file: RunFile, pieces: Iterable[bytes]) -> RunFile:
    staged = claim(root.staging, run_id, file.path)
    with create(staged) as target:
        target.writelines(pieces)
        flush(target)
    sha256, size = fingerprint(staged)
    root.add(run_key(run_id, file.path), staged, run_id, sha256)
    return replace(file, bytes=size, sha256=sha256)


def _counted(count: Counts, left: int) -> Counts:
    return replace(
        count,
        exported=count.exported - left,
        excluded=_more_suppressed(count.excluded, left),
    )


def _more_suppressed(excluded: Mapping[str, int], left: int) -> dict[str, int]:
    more = {SUPPRESSED: excluded.get(SUPPRESSED, 0) + left} if left else {}
    return dict(sorted({**excluded, **more}.items()))


def _csv_without(
    stream: BinaryIO, name: str, gone: Mapping[Key, Found]
) -> Iterator[bytes]:
    records = raw_records(stream)
    header, columns = next(records)
    key_of = Table(name, columns, ()).key_getter()
    yield header
    yield from (raw for raw, values in records if key_of(values) not in gone)


def _exclusions_with(stream: BinaryIO, gone: Mapping[Key, Found]) -> Iterator[bytes]:
    records = raw_records(stream)
    header, columns = next(records)
    key_of = Table(EXCLUSIONS, columns, ()).key_getter()
    yield header
    old = ((key_of(values), raw) for raw, values in records)
    new = ((who, _exclusion(columns, who, gone[who])) for who in sorted(gone))
    yield from (raw for _, raw in heapq.merge(old, new))


def _exclusion(columns: Iterable[str], who: Key, found: Found) -> bytes:
    values = dict(zip(KEY, map(guarded, who), strict=True))
    values |= {"buyer": found.buyer, "reason": SUPPRESSED}
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values.get(c, "") for c in columns)
    return line.getvalue().encode()


def _json_without(
    stream: BinaryIO, file: RunFile, gone: Mapping[Key, Found]
) -> Iterator[bytes]:
    metadata: dict[str, object] = {}
    yield b'{"contacts":['
    left = rows = 0
    with as_text(stream) as text:
        for contact in json_contacts(text, metadata):
            if tuple(str(contact.get(column, "")) for column in KEY) in gone:
                left += 1
                continue
            yield (b"," if rows else b"") + _dumped(contact)
            rows += 1
    excluded = metadata.get("excluded", {})
    if not isinstance(excluded, dict):
        raise ContractError(f"{file.path}: excluded is not an object")
    metadata |= {"contacts": rows, "excluded": _more_suppressed(excluded, left)}
    yield b'],"metadata":' + _dumped(metadata) + b"}"


def _dumped(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

"""The newest runs of the export root, from their manifests."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from common.errors import ContractError
from publish.layout import AUDIENCES, manifest_key
from publish.manifest import Manifest, audience_rows, read_manifest
from publish.root import Root

RUNS = 30


@dataclass(frozen=True)
class TrendRun:
    """A run and its exported rows; None without a readable manifest."""

    run_id: str
    buyers: int | None
    non_buyers: int | None

    @property
    def rows(self) -> int | None:
        """All exported rows."""
        if self.buyers is None or self.non_buyers is None:
            return None
        return self.buyers + self.non_buyers


def read_trend(root: Root, run_id: str) -> list[TrendRun]:
    """Return a run, which can lack files yet, and up to 29 before it, sorted."""
    upto = {run for run in root.run_ids() if run < run_id} | {run_id}
    return [_read_run(root, run) for run in sorted(upto)[-RUNS:]]


def _read_run(root: Root, run_id: str) -> TrendRun:
    content = root.read(manifest_key(run_id))
    if content is not None:
        with suppress(ContractError):
            return TrendRun(run_id, *_exported(read_manifest(content, run_id)))
    return TrendRun(run_id, None, None)


def _exported(manifest: Manifest) -> Iterator[int]:
    rows = audience_rows(manifest)
    for audience in AUDIENCES:
        yield sum(count for (_, name), count in rows.items() if name == audience)

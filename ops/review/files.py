"""Which of the files that two builds exported differ, byte for byte."""

import json

from ops.review.sides import Side


def different_files(base: Side, head: Side) -> tuple[list[str], int]:
    """Return the paths of a run's files that differ, and how many files there are.

    None and 0 where a build failed and left no whole run.
    """
    old, new = _digests(base), _digests(head)
    if not old or not new:
        return [], 0
    paths = old.keys() | new.keys()
    return sorted(path for path in paths if old.get(path) != new.get(path)), len(paths)


def _digests(side: Side) -> dict[str, str]:
    """The sha256 of each file of a side's only run, by its path in the run."""
    manifests = list(side.exports.glob("runs/*/manifest.json"))
    return {
        file["path"]: file["sha256"]
        for manifest in manifests
        for file in json.loads(manifest.read_text(encoding="utf-8"))["files"]
    }

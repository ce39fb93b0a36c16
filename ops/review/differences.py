"""What differs between two built sides: seeds, compiled SQL, and exported files.

A changed variable, macro or seed changes no model's file, only what the model compiles
to or reads. So the compiled SQL and the seeds are compared.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import unified_diff

from ops.review.sides import BASE, HEAD, Side

# In the report's order.
KINDS = ("seed", "model", "test")


@dataclass(frozen=True)
class Difference:
    """A seed, model or test that differs, and its unified diff."""

    kind: str
    name: str
    lines: tuple[str, ...]


def differences(base: Side, head: Side) -> list[Difference]:
    """Return the seeds, models and tests that differ."""
    old, new = _texts(base), _texts(head)
    keys = sorted(old.keys() | new.keys(), key=lambda key: (KINDS.index(key[0]), key))
    return [
        Difference(*key, _diff(key[1], old.get(key, ""), new.get(key, "")))
        for key in keys
        if old.get(key) != new.get(key)
    ]


def _texts(side: Side) -> dict[tuple[str, str], str]:
    """Return the text of each seed and the compiled SQL of each model and test."""
    path = side.target / "manifest.json"
    if not path.is_file():
        return {}
    nodes = json.loads(path.read_text(encoding="utf-8"))["nodes"].values()
    return {
        (node["resource_type"], node["name"]): _text(side, node)
        for node in nodes
        if node["resource_type"] in KINDS
    }


def _text(side: Side, node: Mapping[str, str]) -> str:
    if node["resource_type"] == "seed":
        path = side.project / node["original_file_path"]
        return path.read_text(encoding="utf-8")
    return node.get("compiled_code") or ""


def _diff(name: str, old: str, new: str) -> tuple[str, ...]:
    names = (f"{BASE}/{name}", f"{HEAD}/{name}")
    lines = unified_diff(old.splitlines(), new.splitlines(), *names, lineterm="")
    return tuple(lines)


def different_files(base: Side, head: Side) -> tuple[list[str], int]:
    """Return the paths of the exported files that differ, and the number of files.

    Returns no paths and 0 if a build failed before its run was complete.
    """
    old, new = _digests(base), _digests(head)
    if not old or not new:
        return [], 0
    paths = old.keys() | new.keys()
    return sorted(path for path in paths if old.get(path) != new.get(path)), len(paths)


def _digests(side: Side) -> dict[str, str]:
    """Return the sha256 of each file of a side's only run, by its path in the run."""
    return {
        file["path"]: file["sha256"]
        for manifest in side.exports.glob("runs/*/manifest.json")
        for file in json.loads(manifest.read_text(encoding="utf-8"))["files"]
    }

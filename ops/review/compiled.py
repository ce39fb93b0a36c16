"""What a change does to the SQL that runs, whatever it touched to get there.

A changed variable, macro or seed changes no model's file, but what the model compiles
to, or reads. So it is that which is compared, and the seeds with it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import unified_diff

from ops.review.sides import BASE, HEAD, Side

# In the order of the report.
KINDS = ("seed", "model", "test")


@dataclass(frozen=True)
class Difference:
    """A seed, model or test that differs, and the lines of a unified diff."""

    kind: str
    name: str
    lines: tuple[str, ...]


def differences(base: Side, head: Side) -> list[Difference]:
    """Compare all that two built sides have; equal code gives none."""
    old, new = _texts(base), _texts(head)
    keys = sorted(old.keys() | new.keys(), key=lambda key: (KINDS.index(key[0]), key))
    return [
        Difference(*key, _diff(key[1], old.get(key, ""), new.get(key, "")))
        for key in keys
        if old.get(key) != new.get(key)
    ]


def _texts(side: Side) -> dict[tuple[str, str], str]:
    """The text of each seed, and the compiled SQL of each model and test."""
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

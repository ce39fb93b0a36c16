"""The differences between two lists of members, in plain Python."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from audience.databases import EXPORTED

# The key of a move in the document.
MOVE = ("portal", "base_audience", "base_fate", "head_audience", "head_fate")

type Values = Mapping[str, Any]
type Key = tuple[str, ...]

AUDIENCES = ("buyers", "non_buyers")
NO_CANDIDATE: Values = {"fate": "no_candidate", "audience": None}


def key(row: Values) -> Key:
    """Return the key of a row of marts.audience_members."""
    return tuple(
        row[name] for name in ("portal", "job_uuid", "activity_uuid", "subject_uuid")
    )


def phone(row: Values) -> str | None:
    """Return the phone that a row texts."""
    return (row.get("phone_number") or None) if row["fate"] == "exported" else None


def expected(base: Iterable[Values], head: Iterable[Values]) -> dict[str, Any]:
    """Return the parts of the document that the members decide, without phones by move.

    A row has its fate in `fate`, `exported` or another.
    """
    before, after = ({key(row): row for row in rows} for rows in (base, head))
    keys = sorted(before.keys() | after.keys())
    pairs = [
        (before.get(one, NO_CANDIDATE), after.get(one, NO_CANDIDATE), one[0])
        for one in keys
    ]
    lists = {
        side: _phone_lists(rows.values())
        for side, rows in (("base", before), ("head", after))
    }
    portals = sorted({portal for *_, portal in pairs})
    texted = {
        side: {
            (portal, number)
            for (portal, _), numbers in found.items()
            for number in numbers
        }
        for side, found in lists.items()
    }
    return {
        "newly_texted": len(texted["head"] - texted["base"]),
        "no_longer_texted": len(texted["base"] - texted["head"]),
        "audiences": [
            {
                "portal": portal,
                "audience": audience,
                **_rows([p for p in pairs if p[2] == portal], audience),
                "phones": _phones(lists, texted, portal, audience),
            }
            for portal in portals
            for audience in AUDIENCES
        ],
        "moves": _moves(pairs),
    }


def _phone_lists(rows: Iterable[Values]) -> dict[tuple[str, str], set[str]]:
    lists: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows:
        number = phone(row)
        if number:
            lists[row["portal"], row["audience"]].add(number)
    return lists


def _rows(pairs: list[tuple[Values, Values, str]], audience: str) -> dict[str, Any]:
    rows: Counter[str] = Counter()
    candidates: Counter[str] = Counter()
    columns: Counter[str] = Counter()
    for base, head, _ in pairs:
        in_base, in_head = base["audience"] == audience, head["audience"] == audience
        by_base, by_head = base["fate"] == "exported", head["fate"] == "exported"
        candidates["base"] += in_base
        candidates["head"] += in_head
        rows["base"] += in_base and by_base
        rows["head"] += in_head and by_head
        rows["entering"] += in_head and by_head and not by_base
        rows["leaving"] += in_base and by_base and not by_head
        both = by_base and by_head
        rows["switching_in"] += both and in_head and not in_base
        rows["switching_out"] += both and in_base and not in_head
        neither = not by_base and not by_head
        rows["moved"] += neither and (in_base or in_head) and _differs(base, head)
        if both and in_base and in_head:
            different = [
                "group" if name == "group_name" else name
                for name in EXPORTED
                if (base.get(name) or "") != (head.get(name) or "")
            ]
            rows["changed"] += bool(different)
            columns.update(different)
    return {
        "candidates": dict(candidates),
        "rows": dict(rows),
        "changed_columns": dict(columns),
    }


def _differs(base: Values, head: Values) -> bool:
    fates = [(row["fate"], row["audience"]) for row in (base, head)]
    return fates[0] != fates[1]


def _phones(
    lists: Mapping[str, Mapping[tuple[str, str], set[str]]],
    texted: Mapping[str, set[tuple[str, str]]],
    portal: str,
    audience: str,
) -> dict[str, int]:
    base = lists["base"].get((portal, audience), set())
    head = lists["head"].get((portal, audience), set())
    was = {number for of, number in texted["base"] if of == portal}
    is_now = {number for of, number in texted["head"] if of == portal}
    return {
        "base": len(base),
        "head": len(head),
        "newly_texted": len(head - was),
        "no_longer_texted": len(base - is_now),
        "switching_in": len((head - base) & was),
        "switching_out": len((base - head) & is_now),
    }


def _moves(pairs: list[tuple[Values, Values, str]]) -> dict[Key, int]:
    moves: Counter[Any] = Counter()
    for base, head, portal in pairs:
        if _differs(base, head) or phone(base) != phone(head):
            moves[
                portal, base["audience"], base["fate"], head["audience"], head["fate"]
            ] += 1
    return dict(moves)

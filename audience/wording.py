"""A comparison in words and tables, which markdown and terminal lay out."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from audience.databases import Row
from audience.diff import PHONES, ROWS, SIDES, Document, changed_phones
from common.text import counted

type Cell = str | int | float
type Layout = Callable[[str], str]

CAUSES = 5
LISTED = 5
SHOWN = 60
NONE = "\u2013"
ARROW = "→"
AUDIENCE = ("portal", "audience")
SWITCHING = ("from the other", "to the other")
PHONE_CHANGES = ("newly texted", "no longer", *SWITCHING, "change")
ROW_CHANGES = ("entering", "leaving", *SWITCHING, "changed", "moved")
MOVE = (
    *(*AUDIENCE, "fate in base", "fate in head", "candidates"),
    *("phones newly texted", "no longer"),
)


@dataclass(frozen=True)
class Table:
    """A table. Its text cells are data, and must be escaped as such."""

    title: str
    header: tuple[str, ...]
    rows: list[tuple[Cell, ...]]


def shown(text: str, most: int = SHOWN, joiners: str = "") -> str:
    """Return data as one short line of visible characters and `joiners`."""
    printable = "".join(
        letter if letter.isprintable() or letter in joiners else "\ufffd"
        for letter in text
    )
    return printable if len(printable) <= most else printable[: most - 1] + "…"


def number(cell: float | None) -> str:
    """Return a whole number, a percentage, or a dash for None."""
    if cell is None:
        return NONE
    return f"{cell:,}" if isinstance(cell, int) else f"{cell:.2f} %"


def answer(document: Document) -> str:
    """Return how many are newly texted and how many no longer."""
    newly, no_longer = document["newly_texted"], document["no_longer_texted"]
    if not newly and not no_longer:
        return "The same people are texted."
    return f"{counted(newly, 'phone')} newly texted, {no_longer:,} no longer"


def causes(document: Document, code: Layout) -> str:
    """Return which changes of fate cause that, or an empty text."""
    phones: Counter[tuple[str, str]] = Counter()
    for move in document["moves"]:
        fates = (move["base_fate"], move["head_fate"])
        phones[fates] += move["newly_texted"] + move["no_longer_texted"]
    ordered = sorted((-amount, fates) for fates, amount in phones.items() if amount)
    parts = [
        f"{code(base)} {ARROW} {code(head)} ({-amount:,})"
        for amount, (base, head) in ordered
    ]
    return _listed(parts, CAUSES)


def failures(document: Document, code: Layout) -> list[str]:
    """Return a sentence for each failed guard."""
    refusals = document["guards"]["refusals"]
    max_change = document["guards"]["max_change"]
    sentences = []
    if refusals["has_failed"]:
        reasons: Counter[str] = Counter()
        for found in refusals["reasons"]:
            reasons[found["reason"]] += found["candidates"]
        parts = [f"{code(name)} ({n:,})" for name, n in sorted(reasons.items())]
        held_back = counted(refusals["candidates"], "row")
        sentences.append(
            f"head texts {held_back} that base held back: {_listed(parts, LISTED)}"
        )
    if max_change["has_failed"]:
        parts = [_exceeded(found, code) for found in max_change["exceeded"]]
        sentences.append(
            f"more than {max_change['limit_percent']:g} % of the phones come or go: "
            f"{_listed(parts, LISTED)}"
        )
    return sentences


def _exceeded(found: Row, code: Layout) -> str:
    return (
        f"{code(found['portal'])} {code(found['audience'])} "
        f"({found['changed']:,} of {found['phones']:,})"
    )


def _listed(parts: Sequence[str], limit: int) -> str:
    more = f", and {len(parts) - limit} more" if len(parts) > limit else ""
    return ", ".join(parts[:limit]) + more


def rows_sentence(document: Document) -> str:
    """Return how the rows change, in one sentence."""
    rows: Counter[str] = Counter()
    for audience in document["audiences"]:
        rows.update(audience["rows"])
    return (
        f"{counted(rows['entering'], 'row')} entering, {rows['leaving']:,} leaving, "
        f"{rows['switching_in']:,} switching between buyers and non-buyers, "
        f"{rows['changed']:,} with changed values."
    )


def tables(document: Document) -> Iterator[Table]:
    """Yield the tables that have a row, the most important first."""
    audiences = [entry for entry in document["audiences"] if _differs(entry)]
    moves = document["moves"]
    met = {move[f"{side}_fate"] for move in moves for side in SIDES}
    labels = [(name, text) for name, text in document["labels"].items() if name in met]
    examples = ("subjects",) if any(move["examples"] for move in moves) else ()
    for title, header, rows in (
        ("Variables", ("variable", *SIDES), map(_variable, document["variables"])),
        ("Phones", (*AUDIENCE, *SIDES, *PHONE_CHANGES), map(_phones, audiences)),
        ("Rows", (*AUDIENCE, *SIDES, *ROW_CHANGES), map(_rows, audiences)),
        ("Changes of fate", (*MOVE, *examples), [_move(m, examples) for m in moves]),
        (
            "Reasons",
            ("fate", "meaning"),
            [label for label in labels if label[0] in met],
        ),
        ("Changed columns", (*AUDIENCE, "column", "rows"), _columns(audiences)),
    ):
        if found := list[tuple[Cell, ...]](rows):
            yield Table(title, header, found)


def _differs(audience: Row) -> bool:
    changes = [n for name, n in audience["rows"].items() if name not in SIDES]
    return any(changes) or changed_phones(audience) > 0


def _variable(entry: Row) -> tuple[Cell, ...]:
    return entry["name"], entry["base"], entry["head"]


def _phones(entry: Row) -> tuple[Cell, ...]:
    change = entry["change_percent"]
    phones = (entry["phones"][name] for name in (*SIDES, *PHONES))
    return *_names(entry), *phones, "new" if change is None else change


def _rows(entry: Row) -> tuple[Cell, ...]:
    return *_names(entry), *(entry["rows"][name] for name in (*SIDES, *ROWS))


def _move(move: Row, examples: Sequence[str]) -> tuple[Cell, ...]:
    fates = (move["base_fate"], move["head_fate"])
    counts = (move["candidates"], move["newly_texted"], move["no_longer_texted"])
    subjects = [" ".join(move["examples"])] if examples else []
    return move["portal"], _audience_of(move), *fates, *counts, *subjects


def _audience_of(move: Row) -> str:
    names = [move[f"{side}_audience"] for side in SIDES]
    known = [name for name in names if name]
    return known[0] if len({*known}) == 1 else f" {ARROW} ".join(known)


def _columns(audiences: Sequence[Row]) -> Iterator[tuple[Cell, ...]]:
    for entry in audiences:
        for column, amount in entry["changed_columns"].items():
            yield *_names(entry), column, amount


def _names(audience: Row) -> tuple[str, str]:
    return audience["portal"], audience["audience"]

"""A comparison for the terminal: the answer, then tables."""

from audience.diff import Document
from audience.wording import (
    Cell,
    Table,
    answer,
    causes,
    failures,
    number,
    rows_sentence,
    shown,
    tables,
)


def render(document: Document) -> str:
    """Return the text without a final line break."""
    by = causes(document, shown)
    lines = [answer(document) + (f", by: {by}" if by else "")]
    lines += [f"GUARD FAILED: {sentence}" for sentence in failures(document, shown)]
    lines += ["", rows_sentence(document)]
    for table in tables(document):
        lines += ["", table.title, *aligned(table)]
    return "\n".join(lines)


def aligned(table: Table) -> list[str]:
    """Return a table's lines, numbers aligned to the right."""
    columns = [
        _column(name, [row[place] for row in table.rows])
        for place, name in enumerate(table.header)
    ]
    return ["  " + "  ".join(cells).rstrip() for cells in zip(*columns, strict=True)]


def _column(name: str, cells: list[Cell]) -> list[str]:
    texts = [name, *(shown(c) if isinstance(c, str) else number(c) for c in cells)]
    width = max(map(len, texts))
    if not any(isinstance(cell, str) for cell in cells):
        return [text.rjust(width) for text in texts]
    return [text.ljust(width) for text in texts]

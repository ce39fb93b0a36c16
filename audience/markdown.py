"""A comparison as a comment on a pull request: the answer first, then tables.

Data cannot become markup or mention a user: it stands in `<code>`, and every
character that could be markup is a character reference.
"""

import re
from collections.abc import Sequence

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

# GitHub allows 65,536 characters in a comment; the caller may need some.
MAX_BYTES = 60_000
ROW_LIMITS = (1000, 300, 100, 50, 25, 10, 5, 2, 0)
# Everything but letters, digits, `_` inside a word, and `.` or `:` inside a number.
MARKUP = re.compile(
    r"(?!(?<=[A-Za-z0-9])_(?=[A-Za-z0-9])|(?<=[0-9])[.:](?=[0-9]))[^A-Za-z0-9 -]"
)
# Longer tables are folded.
OPEN_ROWS = 12


def render(
    document: Document, notes: Sequence[str] = (), max_bytes: int = MAX_BYTES
) -> str:
    """Return the comment, with tables cut where it would be too long.

    `notes` are paragraphs that follow the guards.
    """
    for limit in ROW_LIMITS:
        text = _comment(document, notes, limit)
        if len(text.encode()) <= max_bytes:
            break
    return text


def render_obstacle(obstacle: str) -> str:
    """Return the comment for databases that cannot be compared."""
    return f"**The audiences cannot be compared**: {escaped(obstacle)}\n"


def code(text: str) -> str:
    """Return data as code, whatever it contains."""
    return f"<code>{escaped(shown(text))}</code>" if text else ""


def escaped(text: str) -> str:
    """Return text with everything that could be markup escaped."""
    return MARKUP.sub(lambda letter: f"&#{ord(letter[0])};", text)


def _comment(document: Document, notes: Sequence[str], limit: int) -> str:
    by = causes(document, code)
    paragraphs = [f"**{answer(document)}**" + (f", by: {by}" if by else "")]
    paragraphs += [
        f"**A guard has failed**: {sentence}." for sentence in failures(document, code)
    ]
    paragraphs += [*notes, rows_sentence(document), _about(document)]
    paragraphs += [_laid_out(table, limit) for table in tables(document)]
    return "\n\n".join(paragraphs) + "\n"


def _about(document: Document) -> str:
    base, head = (code(document[side]["code_version"]) for side in ("base", "head"))
    return (
        f"Load {code(document['load_id'])}, as of {code(document['as_of'])}; "
        f"base is code {base}, head {head}. A phone counts once in a portal."
    )


def _laid_out(table: Table, limit: int) -> str:
    shown_rows = table.rows[:limit]
    rules = ["---" if isinstance(cell, str) else "---:" for cell in table.rows[0]]
    lines = [_line(table.header), _line(rules)]
    lines += [_line([_cell(cell) for cell in row]) for row in shown_rows]
    text = "\n".join(lines) if shown_rows else ""
    left_out = len(table.rows) - len(shown_rows)
    if left_out:
        text += f"\n\nLeft out here: {left_out:,} more rows, which the JSON has."
    if len(table.rows) <= OPEN_ROWS:
        return f"**{table.title}**\n\n{text}"
    summary = f"{table.title} ({len(table.rows):,} rows)"
    return f"<details><summary>{summary}</summary>\n\n{text}\n\n</details>"


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(cell: Cell) -> str:
    return code(cell) if isinstance(cell, str) else number(cell)

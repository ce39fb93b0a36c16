"""A comparison as a comment on a pull request: the answer first, tables after it.

Data cannot become markup: every text of it stands in `<code>`, where nobody is
mentioned, with what could be markup as character references.
"""

import re

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

# A comment of GitHub's has 65,536 characters; some are left for what goes with it.
MAX_BYTES = 60_000
ROW_LIMITS = (1000, 300, 100, 50, 25, 10, 5, 2, 0)
# All but what is plain wherever it stands: `_` in a word, `.` and `:` in a number.
MARKUP = re.compile(
    r"(?!(?<=[A-Za-z0-9])_(?=[A-Za-z0-9])|(?<=[0-9])[.:](?=[0-9]))[^A-Za-z0-9 -]"
)
# Longer tables are folded.
OPEN_ROWS = 12


def render(document: Document) -> str:
    """Return the comment; where it would be too long, tables are cut and say so."""
    for limit in ROW_LIMITS:
        text = _comment(document, limit)
        if len(text.encode()) <= MAX_BYTES:
            break
    return text


def render_obstacle(obstacle: str) -> str:
    """Return the comment of two databases that cannot be compared."""
    return f"**The audiences cannot be compared**: {escaped(obstacle)}\n"


def code(text: str) -> str:
    """Return data as code, whatever is in it."""
    return f"<code>{escaped(shown(text))}</code>" if text else ""


def escaped(text: str) -> str:
    """Return data with what could be markup as character references."""
    return MARKUP.sub(lambda letter: f"&#{ord(letter[0])};", text)


def _comment(document: Document, limit: int) -> str:
    by = causes(document, code)
    paragraphs = [f"**{answer(document)}**" + (f", by: {by}" if by else "")]
    paragraphs += [
        f"**A guard has failed**: {sentence}." for sentence in failures(document, code)
    ]
    paragraphs += [rows_sentence(document), _about(document)]
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
    lines = [_line(table.header), _line(_rules(table))]
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


def _rules(table: Table) -> list[str]:
    first = table.rows[0]
    return ["---" if isinstance(cell, str) else "---:" for cell in first]


def _cell(cell: Cell) -> str:
    return code(cell) if isinstance(cell, str) else number(cell)

"""A review as a comment on a pull request: the answer first, in one comment."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audience import markdown
from audience.diff import Document
from audience.wording import Layout
from common.text import counted
from ops.review.differences import KINDS, Difference

# GitHub allows 65,536 characters; the diff gets the room that the rest leaves.
MAX_BYTES = 60_000
MAX_AUDIENCES = 40_000
MAX_NAMES = 12
MAX_FINDINGS = 20
MAX_FINDING = 300


@dataclass(frozen=True)
class Review:
    """The findings: the `document` of `audience diff`, or why there is none.

    `failed` names what did not pass, by side; `files` are the exported files that
    differ, of `file_count`; `findings` are dbt-bouncer's new ones, None if it could not
    run.
    """

    document: Document | None
    obstacle: str | None
    failed: Mapping[str, Sequence[str]]
    differences: Sequence[Difference]
    files: Sequence[str]
    file_count: int
    findings: Sequence[str] | None


def render(review: Review) -> str:
    """Return the Markdown, cut to the length of a comment."""
    text = "\n\n".join([_audiences(review).rstrip(), *_findings(review)])
    folded = _folded(review.differences, MAX_BYTES - len(text.encode()))
    return "\n\n".join([text, *folded]) + "\n"


def summary(review: Review, code: Layout) -> str:
    """Return what differs besides the audiences, in a few sentences."""
    sentences = [_differences(review.differences, code)]
    if review.file_count:
        differ = len(review.files) or "none"
        sentences.append(
            f"Of {counted(review.file_count, 'exported file')}, {differ} "
            f"{'differs' if len(review.files) == 1 else 'differ'}."
        )
    if review.findings is None:
        sentences.append("Conventions were not checked.")
    else:
        new = counted(len(review.findings), "new finding")
        sentences.append(f"Conventions: {new if review.findings else 'nothing new'}.")
    return " ".join(sentences)


def _audiences(review: Review) -> str:
    notes = [*_failures(review), summary(review, markdown.code)]
    if review.document is None:
        return "\n".join(
            [markdown.render_obstacle(review.obstacle or ""), "\n\n".join(notes)]
        )
    return markdown.render(review.document, notes, MAX_AUDIENCES)


def _failures(review: Review) -> list[str]:
    return [
        f"**The build of {side} failed**: {_listed(names, markdown.code)}."
        for side, names in review.failed.items()
        if names
    ]


def _differences(found: Sequence[Difference], code: Layout) -> str:
    if not found:
        return "Seeds and compiled SQL are the same."
    kinds = Counter(one.kind for one in found)
    amounts = [counted(kinds[kind], kind) for kind in KINDS if kinds[kind]]
    names = _listed([one.name for one in found], code)
    return f"Compiled SQL or seeds differ: {', '.join(amounts)} ({names})."


def _listed(names: Sequence[str], code: Layout) -> str:
    named = [code(name) for name in names[:MAX_NAMES]]
    left = len(names) - len(named)
    return ", ".join(named) + (f" and {left:,} more" if left else "")


def _findings(review: Review) -> list[str]:
    found = review.findings or ()
    if not found:
        return []
    lines = [f"- {_shortened(one)}" for one in found[:MAX_FINDINGS]]
    if left := len(found) - len(lines):
        lines.append(f"- and {left:,} more; `make lint` lists them")
    return ["**New findings on conventions**", "\n".join(lines)]


def _shortened(finding: str) -> str:
    return markdown.escaped(" ".join(finding.split())[:MAX_FINDING])


def _folded(found: Sequence[Difference], room: int) -> list[str]:
    if not found:
        return []
    lines = [line for one in found for line in one.lines]
    fence = "`" * (1 + max((len(run) for run in _ticks(lines)), default=2))
    before = (
        f"<details><summary>Compiled SQL and seeds that differ ({len(lines):,} lines)"
        f"</summary>\n\n{fence}diff\n"
    )
    after = f"\n{fence}\n\n</details>"
    note = "\n\nLeft out: {:,} more lines; target/review has them."
    room -= len((before + after + note).encode()) + 10
    kept = _that_fit(lines, room)
    cut = note.format(len(lines) - len(kept)) if len(kept) < len(lines) else ""
    return [before + "\n".join(kept) + after + cut]


def _ticks(lines: Sequence[str]) -> list[str]:
    return [run for line in lines for run in re.findall("`{3,}", line)]


def _that_fit(lines: Sequence[str], room: int) -> Sequence[str]:
    for place, line in enumerate(lines):
        room -= len(line.encode()) + 1
        if room < 0:
            return lines[:place]
    return lines

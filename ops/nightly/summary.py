"""A night as Markdown: counts, ids and reasons, never personal data.

Data cannot become markup: `audience.markdown` escapes every text.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from audience.markdown import code, escaped
from common.text import counted
from extract.logs import LogFormat
from publish.manifest import Counts, Manifest, Suppressions

type Cell = str | int | float


@dataclass(frozen=True)
class Step:
    """A finished step; exit code 0: done."""

    name: str
    seconds: float
    exit_code: int


@dataclass
class Night:
    """What a night has found so far.

    `load` has the facts of load.json, `difference` the output of `sms publish diff
    --json`, `audience_diff` that of `sms audience diff --md`. `notes` are sentences of
    Markdown; `obstacle` says in plain text why nothing was promoted.
    """

    mode: str
    steps: Sequence[Step] = ()
    load: dict[str, Any] = field(default_factory=dict)
    run_id: str | None = None
    manifest: Manifest | None = None
    difference: dict[str, Any] = field(default_factory=dict)
    audience_diff: str = ""
    new_suppressions: int | None = None
    notes: list[str] = field(default_factory=list)
    is_promoted: bool = False
    obstacle: str = "the night was stopped"
    trace_id: str = ""
    log_format: LogFormat = "text"


def render(night: Night) -> str:
    """Return the summary; a failed night leaves out the parts that it did not reach."""
    parts = [f"## Night: {night.mode}", _answer(night), *night.notes]
    if night.load:
        parts += ["### The load", _load(night.load)]
    if night.manifest:
        parts += ["### The run", _counts(night.manifest.counts)]
        if night.manifest.suppressions:
            said = _suppressions(night.manifest.suppressions, night.new_suppressions)
            parts += ["### Suppressions", said]
    if night.difference:
        parts += ["### What comes and goes", _difference(night.difference)]
    if night.audience_diff:
        parts += ["### Changes of fate", night.audience_diff.strip()]
    parts += ["### Steps", _steps(night.steps)]
    return "\n\n".join(parts) + "\n"


def _answer(night: Night) -> str:
    run = f"Run {code(night.run_id)}" if night.run_id else "No run"
    if night.is_promoted:
        return f"**{run} is promoted.**"
    verb = "is not promoted" if night.run_id else "was written"
    return f"**{run} {verb}:** {_long(night.obstacle)}"


def _long(text: str) -> str:
    return f"<code>{escaped(text)}</code>"


def _load(facts: dict[str, Any]) -> str:
    header = (
        *("portal", "jobs", "gone jobs", "subjects", "requests"),
        *("keys requested", "keys reused", "users requested", "users reused"),
    )
    rows = [
        (
            *(portal, of["jobs"], of["gone_jobs"], of["rows"]["subjects"]),
            *(of["requests"], of["asked"]["access_keys"]),
            *(of["carried"]["access_keys"], of["asked"]["users"]),
            of["carried"]["users"],
        )
        for portal, of in sorted(facts["portals"].items())
    ]
    load = f"Load {code(facts['load_id'])}, {facts['requests']:,} requests"
    return f"{load}.\n\n{_table(header, rows)}"


def _counts(counts: Iterable[Counts]) -> str:
    header = ("portal", "audience", "candidates", "exported", "excluded", "reasons")
    rows = [
        (
            *(of.portal, of.audience, of.candidates, of.exported),
            of.candidates - of.exported,
            ", ".join(f"{reason} {n:,}" for reason, n in sorted(of.excluded.items())),
        )
        for of in sorted(counts, key=lambda of: (of.portal, of.audience))
    ]
    return _table(header, rows)


def _suppressions(found: Suppressions, new: int | None) -> str:
    if found.is_missing:
        return "**Neither a ledger nor a list: people who said stop can get a text.**"
    rows: list[tuple[Cell, ...]] = [
        ("suppressed phones", found.suppressed["sms"]),
        ("suppressed e-mails", found.suppressed["email"]),
        ("entries of the ledger", found.entries),
    ]
    if found.matched is not None:
        rows.append(("matched an address of the load", found.matched))
    if new is not None:
        rows.append(("new since the promoted run", new))
    listed = found.listed
    if listed is None:
        held = sum(found.suppressed.values())
        text = f"No list; the ledger holds {counted(held, 'suppression')}."
    else:
        text = f"List {code(listed.digest)}."
        rows += [
            ("lines of the list", listed.rows),
            ("entries added", listed.added),
            ("entries known", listed.known),
            ("phones repaired", listed.repaired),
            ("e-mails rejected", listed.rejected_emails),
            ("unreadable lines, allowed", listed.unreadable),
            ("gone from the list, still suppressed", listed.gone),
        ]
    return f"{text}\n\n{_table(('suppressions', 'count'), rows)}"


def _difference(difference: dict[str, Any]) -> str:
    names = ("came", "went", "changed", "phones_came", "phones_went")
    rows = [
        (
            *(of["portal"], of["audience"]),
            *(of["rows_before"] or 0, of["rows_after"] or 0),
            *(of[name] for name in names),
        )
        for of in (*difference["audiences"], difference["total"])
    ]
    header = ("portal", "audience", "before", "after", *names)
    before = code(difference["before"]["run_id"])
    titles = tuple(name.replace("_", " ") for name in header)
    return f"Compared with run {before}.\n\n{_table(titles, rows)}"


def _steps(steps: Iterable[Step]) -> str:
    header = ("step", "seconds", "exit code")
    return _table(header, [(s.name, s.seconds, s.exit_code) for s in steps])


def _table(header: Sequence[str], rows: Sequence[tuple[Cell, ...]]) -> str:
    """Return a table, numbers aligned to the right."""
    first = rows[0] if rows else ()
    rules = ["---" if isinstance(cell, str) else "---:" for cell in first]
    lines = [header, rules or ["---"] * len(header)]
    lines += [[_cell(cell) for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(cell: Cell) -> str:
    return _long(cell) if isinstance(cell, str) else f"{cell:,}"

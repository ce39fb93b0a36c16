"""What differs between two runs, in counts and ids alone."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction

from publish.audit import audit_run, raise_problems
from publish.comparing import (
    KEY,
    PHONE,
    Comparison,
    all_phones,
    came_and_went,
    compare,
)
from publish.contacts import Table, guarded, opened
from publish.layout import FORMATS
from publish.manifest import About, Manifest, RunFile
from publish.promotion import load_manifest
from publish.root import Root

# CSV puts an apostrophe before a formula in every column but these; JSON never does.
UNGUARDED = frozenset({"phone_number", "phone_number_2"})
ALL = "all"

type Side = dict[str, RunFile]


@dataclass(frozen=True)
class AudienceDifference:
    """How a portal's audience differs between two runs.

    Rows are None if a run has no file of it. `columns_changed` counts the changed
    rows by each column that differs in them. Phones are distinct.
    """

    portal: str
    audience: str
    rows_before: int | None
    rows_after: int | None
    came: int
    went: int
    changed: int
    columns_changed: dict[str, int]
    phones_came: int
    phones_went: int


@dataclass(frozen=True)
class Difference:
    """How two runs differ. In `total`, phones are distinct over all audiences."""

    before: About
    after: About
    audiences: tuple[AudienceDifference, ...]
    total: AudienceDifference


def diff(root: Root, before_id: str, after_id: str) -> Difference:
    """Verify all files of two finished runs, then compare them.

    Raise ContractError if a run is incomplete or damaged.
    """
    before, after = _verified(root, before_id), _verified(root, after_id)
    audiences, comparisons = [], []
    for pair in sorted({*_pairs(before), *_pairs(after)}):
        old, new = _to_compare(_side(before, pair), _side(after, pair))
        comparison = _compare(root, before_id, old, after_id, new)
        comparisons.append(comparison)
        audiences.append(_described(pair, old, new, comparison))
    total = _total(audiences, came_and_went(*all_phones(comparisons)))
    return Difference(*_abouts(before, after), tuple(audiences), total)


def exceeds(
    difference: Difference, percent: Fraction | None, *, of_values: bool
) -> bool:
    """Return whether the rows that came or went exceed a share of those before.

    With `of_values`, a changed row counts as well. None: no limit.
    """
    if percent is None:
        return False
    return any(
        100 * (one.came + one.went + (one.changed if of_values else 0))
        > percent * (one.rows_before or 0)
        for one in difference.audiences
    )


def _verified(root: Root, run_id: str) -> Manifest:
    manifest, _ = load_manifest(root, run_id)
    raise_problems(run_id, audit_run(root, run_id, manifest.files))
    return manifest


def _abouts(before: Manifest, after: Manifest) -> tuple[About, About]:
    """Replace the groups' names by their number: they can be teachers' names."""
    old, new = (m.about.variables.get("groups") for m in (before, after))
    return _nameless(before.about, "groups"), _nameless(
        after.about, "groups" if old == new else "other groups"
    )


def _nameless(about: About, word: str) -> About:
    groups = about.variables.get("groups")
    if not isinstance(groups, list) or not groups:
        return about
    number = f"{len(groups)} {word}"
    return replace(about, variables={**about.variables, "groups": number})


def _pairs(manifest: Manifest) -> Iterator[tuple[str, str]]:
    for file in manifest.files:
        if file.portal and file.audience:
            yield file.portal, file.audience


def _side(manifest: Manifest, pair: tuple[str, str]) -> Side:
    """Return a run's files of a portal and audience, by format."""
    files = manifest.files
    return {f.format: f for f in files if (f.portal, f.audience) == pair}


def _to_compare(before: Side, after: Side) -> tuple[RunFile | None, RunFile | None]:
    """Choose a file of each side, of the same format if both have one."""
    shared = [name for name in FORMATS if name in before and name in after]
    chosen = [
        next((side[name] for name in shared or FORMATS if name in side), None)
        for side in (before, after)
    ]
    return chosen[0], chosen[1]


def _compare(
    root: Root,
    before_id: str,
    before: RunFile | None,
    after_id: str,
    after: RunFile | None,
) -> Comparison:
    formats = {file.format for file in (before, after) if file}
    with (
        _open(root, before_id, before, as_csv=len(formats) > 1) as old,
        _open(root, after_id, after, as_csv=len(formats) > 1) as new,
    ):
        return compare(old or _no_rows(new), new or _no_rows(old))


@contextmanager
def _open(
    root: Root, run_id: str, file: RunFile | None, *, as_csv: bool
) -> Iterator[Table | None]:
    """Open a file, if it has columns; `as_csv` writes JSON's values as CSV does."""
    if file is None:
        yield None
        return
    with opened(root, run_id, file) as table:
        if not table.columns:
            yield None
        elif as_csv and file.format == "json":
            yield replace(table, rows=_guarded_rows(table))
        else:
            yield table


def _guarded_rows(table: Table) -> Iterator[list[str]]:
    guards = [str if c in UNGUARDED else guarded for c in table.columns]
    for row in table.rows:
        yield [guard(value) for guard, value in zip(guards, row, strict=True)]


def _no_rows(other: Table | None) -> Table:
    return Table("nothing", other.columns if other else (*KEY, PHONE), ())


def _described(
    pair: tuple[str, str],
    before: RunFile | None,
    after: RunFile | None,
    comparison: Comparison,
) -> AudienceDifference:
    came, went = came_and_went(comparison.phones_before, comparison.phones_after)
    return AudienceDifference(
        *pair,
        rows_before=before.rows if before else None,
        rows_after=after.rows if after else None,
        came=comparison.came,
        went=comparison.went,
        changed=comparison.changed,
        columns_changed=comparison.columns,
        phones_came=came,
        phones_went=went,
    )


def _total(
    audiences: list[AudienceDifference], phones: tuple[int, int]
) -> AudienceDifference:
    columns = Counter[str]()
    for audience in audiences:
        columns.update(audience.columns_changed)
    return AudienceDifference(
        ALL,
        ALL,
        rows_before=sum(audience.rows_before or 0 for audience in audiences),
        rows_after=sum(audience.rows_after or 0 for audience in audiences),
        came=sum(audience.came for audience in audiences),
        went=sum(audience.went for audience in audiences),
        changed=sum(audience.changed for audience in audiences),
        columns_changed=dict(columns),
        phones_came=phones[0],
        phones_went=phones[1],
    )

"""What the report says in words. The answer comes first."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from audience.builds import in_words
from audience.report.build import Build, Result
from audience.report.numbers import Numbers
from audience.report.trend import TrendRun
from audience.wording import NONE
from common.text import counted

NAMED = 3
KINDS = {
    "test": "data test",
    "unit_test": "unit test",
    "model": "model",
    "seed": "seed",
    "snapshot": "snapshot",
}


def percent(part: int, whole: int) -> str:
    """Return a share in whole percent; never 0 % or 100 % by rounding."""
    if not whole:
        return NONE
    rounded = round(100 * part / whole)
    if rounded == 0 and part:
        return "<1 %"
    if rounded == 100 and part < whole:  # noqa: PLR2004
        return ">99 %"
    return f"{rounded} %"


def began_at(run_id: str) -> str:
    """Return when a run began, by its id, to the minute."""
    try:
        began = datetime.strptime(run_id[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return run_id
    return f"{began:%Y-%m-%d %H:%M}"


def title(build: Build, numbers: Numbers | None, *, was_promoted: bool) -> str:
    """Return the answer: what was promoted, or that nothing was."""
    if was_promoted:
        return f"{_rows(numbers)} promoted."
    failed = build.failed()
    if failed:
        return f"Nothing was promoted: {counted(len(failed), 'contract')} failed."
    if build.obstacle:
        return f"{_rows(numbers)} not promoted."
    return f"{_rows(numbers)} ready; the build did not ask to promote."


def _rows(numbers: Numbers | None) -> str:
    if numbers is None:
        return "The run was"
    exported = numbers["funnel"]["exported"]
    if not exported:
        return "A run without a row was"
    return f"{_exported(numbers)} {'was' if exported == 1 else 'were'}"


def _exported(numbers: Numbers) -> str:
    counts = numbers["funnel"]
    rows, phones = (
        counted(counts["exported"], "row"),
        counted(counts["phones"], "phone"),
    )
    return f"{rows} for {phones}"


def lead(
    build: Build, numbers: Numbers | None, promoted: str | None, *, was_promoted: bool
) -> Iterator[str]:
    """Yield what follows from the answer, a sentence each.

    `promoted` is the run that is promoted at the end of the build, if any.
    """
    failed = build.failed()
    if failed:
        yield f"{_failures(failed)}."
    elif build.obstacle:
        # Nothing after it: it can end with a command to paste.
        yield f"The build ended with: {build.obstacle}"
    if promoted is None:
        yield "No run was promoted."
    elif promoted != build.run_id:
        # A refresh leaves out at once who said stop during the build.
        became = "was promoted in its place" if was_promoted else "stayed promoted"
        yield f"Run {promoted} {became}."
    if numbers is None:
        yield "There are no numbers: the build made no audiences."
    else:
        if failed:
            yield f"The audiences as built: {_exported(numbers)}."
        yield _left_out(numbers, build)
    if len(build.passed()) == len(build.results) and not build.left_out:
        yield f"All {len(build.results):,} contracts passed."


def change(trend: Sequence[TrendRun]) -> str:
    """Return how the last run's rows differ from those of the run before it."""
    *earlier, last = trend
    before = next((run for run in reversed(earlier) if run.rows is not None), None)
    if last.rows is None:
        return "This run wrote no complete files, so there is nothing to compare."
    if before is None:
        return "There is no earlier run to compare with."
    since = f"the run of {began_at(before.run_id)} UTC"
    buyers = (last.buyers or 0) - (before.buyers or 0)
    non_buyers = (last.non_buyers or 0) - (before.non_buyers or 0)
    if not buyers and not non_buyers:
        return f"As many rows as in {since}."
    return f"Since {since}: buyers {buyers:+,}, non-buyers {non_buyers:+,} rows."


def _failures(failed: list[Result]) -> str:
    named = ", ".join(f"{r.name} ({how_failed(r)})" for r in failed[:NAMED])
    return named + (f" and {len(failed) - NAMED} more" if len(failed) > NAMED else "")


def how_failed(result: Result) -> str:
    """Return how a contract failed: with how many rows, or its status."""
    if result.status == "fail" and result.failures:
        return counted(result.failures, "row")
    return result.status


def _left_out(numbers: Numbers, build: Build) -> str:
    counts = numbers["funnel"]
    candidates = counted(counts["candidates"], "candidate")
    left_out = counts["candidates"] - counts["exported"]
    if not counts["candidates"]:
        return "The load has no candidate."
    if not left_out:
        return f"None of {candidates} was left out."
    most = numbers["reasons"][0]
    return (
        f"{left_out:,} of {candidates} {'was' if left_out == 1 else 'were'} left out, "
        f"most often for: {in_words(most['label'], build.variables)} "
        f"({most['buyers'] + most['non_buyers']:,})."
    )

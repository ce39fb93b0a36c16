"""What the report says in words. The answer comes first."""

from collections.abc import Iterator
from datetime import UTC, datetime

from audience.report.build import Build, Result
from audience.report.numbers import Funnel, Numbers, Reason
from audience.wording import counted

SHOWN = 80
NAMED = 3
# Cannot be seen, but join what can: emoji, and letters of some scripts.
JOINERS = "\u200c\u200d"
NONE = "\u2013"
KINDS = {
    "test": "data test",
    "unit_test": "unit test",
    "model": "model",
    "seed": "seed",
    "snapshot": "snapshot",
}


def number(amount: int | None) -> str:
    """Return a whole number with its thousands apart; a dash for none."""
    return NONE if amount is None else f"{amount:,}"


def percent(part: int, whole: int) -> str:
    """Return a share in whole percent; never 0 % or 100 % of what is neither."""
    if not whole:
        return NONE
    rounded = round(100 * part / whole)
    if rounded == 0 and part:
        return "<1 %"
    if rounded == 100 and part < whole:  # noqa: PLR2004
        return ">99 %"
    return f"{rounded} %"


def shown(text: str) -> str:
    """Return a portal's text as one short line of what can be seen."""
    printable = "".join(
        letter if letter.isprintable() or letter in JOINERS else "\ufffd"
        for letter in text
    )
    return printable if len(printable) <= SHOWN else printable[: SHOWN - 1] + "…"


def began_at(run_id: str) -> str:
    """Return when a run began, by its id, to the minute."""
    try:
        began = datetime.strptime(run_id[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return run_id
    return f"{began:%Y-%m-%d %H:%M}"


def title(build: Build, numbers: Numbers | None, promoted: str | None) -> str:
    """Return the answer: what was promoted, or that nothing was."""
    if promoted == build.run_id:
        return f"{_rows(numbers)} promoted."
    failed = build.failed()
    if failed:
        return f"Nothing was promoted: {counted(len(failed), 'contract')} failed."
    if build.obstacle:
        return f"{_rows(numbers)} not promoted."
    return f"{_rows(numbers, 'is', 'are')} ready; promoting was not asked for."


def _rows(numbers: Numbers | None, one: str = "was", more: str = "were") -> str:
    if numbers is None:
        return f"The run {one}"
    funnel = numbers.funnel
    if not funnel.exported:
        return f"A run without a row {one}"
    verb = one if funnel.exported == 1 else more
    return f"{rows_for_phones(funnel)} {verb}"


def rows_for_phones(funnel: Funnel) -> str:
    """Return the exported rows and their distinct phones."""
    return f"{counted(funnel.exported, 'row')} for {counted(funnel.phones, 'phone')}"


def lead(build: Build, numbers: Numbers | None, promoted: str | None) -> Iterator[str]:
    """Yield what follows from the answer, a sentence each.

    `promoted` is the run that is promoted now, if any.
    """
    failed = build.failed()
    if failed:
        yield f"{_failures(failed)}."
    elif build.obstacle:
        # As it is: it can end with a command to paste.
        yield build.obstacle[0].upper() + build.obstacle[1:]
    if promoted != build.run_id:
        yield f"Run {promoted} stays promoted." if promoted else "No run is promoted."
    if numbers is None:
        yield "There are no numbers: the build made no audiences."
    else:
        if failed:
            yield f"The audiences as built: {rows_for_phones(numbers.funnel)}."
        yield _left_out(numbers.funnel, numbers.reasons)
    if len(build.passed()) == len(build.results) and not build.left_out:
        yield f"All {len(build.results):,} contracts passed."


def _failures(failed: list[Result]) -> str:
    named = ", ".join(_failure(result) for result in failed[:NAMED])
    return named + (f" and {len(failed) - NAMED} more" if len(failed) > NAMED else "")


def _failure(result: Result) -> str:
    return f"{result.name} ({how_failed(result)})"


def how_failed(result: Result) -> str:
    """Return how a contract failed: with how many rows, or its status."""
    if result.status == "fail" and result.failures:
        return counted(result.failures, "row")
    return result.status


def _left_out(funnel: Funnel, reasons: list[Reason]) -> str:
    left_out = funnel.candidates - funnel.exported
    if not funnel.candidates:
        return "The load has no candidate."
    if not left_out:
        return f"None of {counted(funnel.candidates, 'candidate')} was left out."
    most = max(reasons, key=lambda r: r.buyers + r.non_buyers)
    return (
        f"{left_out:,} of {counted(funnel.candidates, 'candidate')} "
        f"{'was' if left_out == 1 else 'were'} left out, most often as "
        f"{most.reason} ({most.buyers + most.non_buyers:,})."
    )

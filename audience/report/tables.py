"""What the page shows besides the numbers themselves."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from audience.databases import Row
from audience.report.build import Result
from audience.wording import NONE, shown
from common.text import counted

LISTED_JOBS = 10
LEAST_SUBJECTS = 10
MINUS = "\u2212"
NAME_LENGTH = 80
# They are invisible, but join visible ones: emoji, and letters of some scripts.
JOINERS = "\u200c\u200d"
KINDS = {
    "test": "data test",
    "unit_test": "unit test",
    "model": "model",
    "seed": "seed",
    "snapshot": "snapshot",
}


class Step(NamedTuple):
    """A step of the funnel, and its bar. A sum has no sign.

    `drawn` is the class of the bar, `start` the amount where it begins, and `whole` the
    amount that fills the width.
    """

    sign: str
    label: str
    amount: int
    drawn: str
    start: int
    whole: int


def longest(rows: Iterable[Row], *fields: str) -> int:
    """Return the largest sum of these fields, which the longest bar stands for."""
    return max((sum(row[field] for field in fields) for row in rows), default=0)


def funnel(counts: Row) -> Iterator[Step]:
    """Yield the steps from landed subjects to phones.

    Bars of sums begin at the left, and those of changes where they occur. Changes of 0
    are left out.
    """
    further = counts["candidates"] - counts["subjects"]
    left_out = counts["candidates"] - counts["exported"]
    repeated = counts["exported"] - counts["without_phone"] - counts["phones"]
    whole, reached = max(counts["landed"], counts["candidates"]), 0
    for sign, label, amount in (
        ("", "Subjects landed", counts["landed"]),
        (MINUS, "Known to job details only", counts["in_details_only"]),
        (MINUS, "In jobs that are off sale", counts["of_jobs_off_sale"]),
        ("", "Subjects", counts["subjects"]),
        ("+", "Further activities of a subject", further),
        ("", "Candidates", counts["candidates"]),
        (MINUS, "Left out, by the reasons above", left_out),
        ("", "Rows exported", counts["exported"]),
        (MINUS, "Without a phone", counts["without_phone"]),
        (MINUS, "With a phone that another row has", repeated),
        ("", "Distinct phones", counts["phones"]),
    ):
        if not sign:
            reached = amount
            yield Step(sign, label, amount, "total", 0, whole)
        elif amount and sign == "+":
            yield Step(sign, label, amount, "came", reached, whole)
            reached += amount
        elif amount:
            reached -= amount
            yield Step(sign, label, amount, "went", reached, whole)


def least_reachable(jobs: Iterable[Row]) -> list[Row]:
    """Return the jobs with the smallest share of reachable subjects, worst first.

    Leave out jobs of fewer than LEAST_SUBJECTS and those where all are reachable.
    """
    weak = [
        job
        for job in jobs
        if job["subjects"] >= LEAST_SUBJECTS and job["reachable"] < job["subjects"]
    ]
    weak.sort(key=lambda job: (job["reachable"] / job["subjects"], -job["subjects"]))
    return weak[:LISTED_JOBS]


def most_unsold(jobs: Iterable[Row]) -> list[Row]:
    """Return the jobs with most subjects that have bought nothing, worst first."""
    weak = [job for job in jobs if job["unsold"]]
    weak.sort(key=lambda job: (-job["unsold"], job["subjects"]))
    return weak[:LISTED_JOBS]


def job_label(job: Row) -> str:
    """Return a job's name, or its uuid if it has none."""
    name = shown(job["job_name"] or job["job_uuid"], NAME_LENGTH, JOINERS)
    return name if job["job_name"] else f"No name, {name}"


def added(rows: Iterable[Row]) -> Mapping[str, int | None]:
    """Return the sum of each number of the rows; None if a row lacks it."""
    sums: defaultdict[str, int | None] = defaultdict(int)
    for row in rows:
        for name, value in row.items():
            if not isinstance(value, str):
                before = sums[name]
                is_known = value is not None and before is not None
                sums[name] = before + value if is_known else None
    return sums


def ends(results: Sequence[Result]) -> tuple[int, int, int]:
    """Return how many contracts passed, failed and were skipped."""
    good = sum(result.is_good for result in results)
    skipped = sum(result.is_skipped for result in results)
    return good, len(results) - good - skipped, skipped


def share(amount: int, whole: int) -> float:
    """Return an amount in percent, and 0 of nothing."""
    return 100 * amount / whole if whole else 0.0


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


def how_failed(result: Result) -> str:
    """Return how a contract failed: with how many rows, or its status."""
    if result.status == "fail" and result.failures:
        return counted(result.failures, "row")
    return result.status

"""What the tables of the page show besides the numbers themselves."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from markupsafe import Markup

from audience.databases import Row
from audience.report.build import Result
from audience.report.charts import bar
from audience.wording import number, shown

LISTED_JOBS = 10
LEAST_SUBJECTS = 10
MINUS = "\u2212"
NAME_LENGTH = 80
# They are invisible, but join visible ones: emoji, and letters of some scripts.
JOINERS = "\u200c\u200d"

type Step = tuple[str, str, Markup, bool]


def bar_of(row: Row, rows: Sequence[Row], classes: Sequence[tuple[str, str]]) -> Markup:
    """Return the bar of a row's fields (class, field); the longest of `rows` is whole.

    The class is that of the page's style.
    """
    most = max(sum(one[field] for _, field in classes) for one in rows)
    return bar([(name, row[field]) for name, field in classes], most)


def funnel(counts: Row) -> Iterator[Step]:
    """Yield the steps from landed subjects to phones: label, amount, bar, is a sum.

    Bars of sums begin at the left, and those of changes where they occur. Changes of 0
    are left out.
    """
    repeated = counts["exported"] - counts["without_phone"] - counts["phones"]
    left_out = counts["candidates"] - counts["exported"]
    whole, reached = max(counts["landed"], counts["candidates"]), 0
    for sign, label, amount in (
        ("=", "Subjects landed", counts["landed"]),
        (MINUS, "Known to job details only", counts["in_details_only"]),
        (MINUS, "In jobs that are off sale", counts["of_jobs_off_sale"]),
        ("=", "Subjects", counts["subjects"]),
        (
            "+",
            "Further activities of a subject",
            counts["candidates"] - counts["subjects"],
        ),
        ("=", "Candidates", counts["candidates"]),
        (MINUS, "Left out, by the reasons above", left_out),
        ("=", "Rows exported", counts["exported"]),
        (MINUS, "Without a phone", counts["without_phone"]),
        (MINUS, "With a phone that another row has", repeated),
        ("=", "Distinct phones", counts["phones"]),
    ):
        if sign == "=":
            reached = amount
            yield label, number(amount), bar([("total", amount)], whole), True
        elif amount:
            came = sign == "+"
            start = reached if came else reached - amount
            reached += amount if came else -amount
            drawn = bar([("came" if came else "went", amount)], whole, start)
            yield label, f"{sign}{number(amount)}", drawn, False


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

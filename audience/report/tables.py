"""The tables of the report, with bars where a bar helps."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, replace

from markupsafe import Markup

from audience.builds import in_words, variable_text
from audience.report.build import Build, Result
from audience.report.charts import Part, bar
from audience.report.numbers import (
    Funnel,
    Job,
    Numbers,
    Portal,
    PortalLoad,
    Reason,
    UnknownWords,
)
from audience.report.trend import TrendRun
from audience.report.wording import KINDS, began_at, how_failed, percent
from audience.wording import number, shown
from common.text import counted
from publish.fields import Json
from publish.manifest import RunFile, Suppressions

AUDIENCE_NAMES = {"buyers": "buyers", "non_buyers": "non-buyers"}
LISTED_JOBS = 10
LEAST_SUBJECTS = 10
LISTED = 100
MINUS = "\u2212"
NAME_LENGTH = 80
# They are invisible, but join visible ones: emoji, and letters of some scripts.
JOINERS = "\u200c\u200d"


@dataclass(frozen=True)
class Line:
    """A line: `cells` are aligned as numbers, the rest is in smaller print.

    `code` is the label's name in files, `remedy` says what to do.
    """

    label: str
    cells: tuple[str, ...]
    note: str = ""
    code: str = ""
    remedy: str = ""
    bar: Markup | None = None
    is_sum: bool = False


@dataclass(frozen=True)
class Table:
    """A table; `more` counts the lines left out at its end."""

    name: str
    header: tuple[str, ...]
    lines: Sequence[Line]
    sums: Sequence[Line] = ()
    more: int = 0


def funnel(counts: Funnel) -> Table:
    """Return the steps from landed subjects to phones; those of 0 are left out."""
    repeated = counts.exported - counts.without_phone - counts.phones
    steps = [
        ("=", "Subjects landed", counts.landed),
        (MINUS, "Known to job details only", counts.in_details_only),
        (MINUS, "In jobs that are off sale", counts.of_jobs_off_sale),
        ("=", "Subjects", counts.subjects),
        ("+", "Further activities of a subject", counts.candidates - counts.subjects),
        ("=", "Candidates", counts.candidates),
        (MINUS, "Left out, by the reasons above", counts.candidates - counts.exported),
        ("=", "Rows exported", counts.exported),
        (MINUS, "Without a phone", counts.without_phone),
        (MINUS, "With a phone that another row has", repeated),
        ("=", "Distinct phones", counts.phones),
    ]
    whole = max(counts.landed, counts.candidates)
    return Table("funnel", ("Step", "Count"), list(_steps(steps, whole)))


def _steps(steps: Iterable[tuple[str, str, int]], whole: int) -> Iterator[Line]:
    """Yield each step with its bar: sums from the left, changes where they occur."""
    reached = 0
    for sign, label, amount in steps:
        if sign == "=":
            reached = amount
            drawn = bar([("total", amount)], whole)
            yield Line(label, (number(amount),), bar=drawn, is_sum=True)
        elif amount:
            came = sign == "+"
            start = reached if came else reached - amount
            reached += amount if came else -amount
            drawn = bar([("came" if came else "went", amount)], whole, start)
            yield Line(label, (f"{sign}{number(amount)}",), bar=drawn)


def reasons(numbers: Numbers, values: dict[str, Json]) -> Table:
    """Return the exclusion reasons by audience, most frequent first, with their sum."""
    ordered = sorted(numbers.reasons, key=lambda r: -(r.buyers + r.non_buyers))
    most = max((r.buyers + r.non_buyers for r in ordered), default=0)
    lines = [
        Line(
            in_words(reason.label, values),
            _audiences(reason.buyers, reason.non_buyers),
            note=in_words(reason.meaning, values),
            code=reason.reason,
            remedy=in_words(reason.remedy, values),
            bar=bar(_parts(reason), most),
        )
        for reason in ordered
    ]
    left_out = _added(numbers.reasons)
    exported = _added(numbers.portals)
    sums = [
        Line("Left out", _audiences(*left_out), is_sum=True),
        Line("Exported", _audiences(*exported)),
        Line(
            "Candidates",
            _audiences(left_out[0] + exported[0], left_out[1] + exported[1]),
            is_sum=True,
        ),
    ]
    header = ("Why, and what to do", "Buyers", "Non-buyers", "Both")
    return Table("reasons", header, lines, sums)


def _audiences(buyers: int, non_buyers: int) -> tuple[str, ...]:
    return number(buyers), number(non_buyers), number(buyers + non_buyers)


def _parts(counts: Reason | Portal | UnknownWords) -> list[Part]:
    return [("buyers", counts.buyers), ("non_buyers", counts.non_buyers)]


def _added(
    counts: Sequence[Reason] | Sequence[Portal] | Sequence[UnknownWords],
) -> tuple[int, int]:
    return sum(c.buyers for c in counts), sum(c.non_buyers for c in counts)


def portals(numbers: Numbers) -> Table:
    """Return the portals' rows and phones, added up to the run's."""
    most = max((p.buyers + p.non_buyers for p in numbers.portals), default=0)
    lines = [
        Line(
            portal.portal,
            tuple(map(number, (portal.buyers, portal.non_buyers, portal.phones))),
            note=_left_out(portal.candidates, portal.buyers + portal.non_buyers),
            bar=bar(_parts(portal), most),
        )
        for portal in numbers.portals
    ]
    candidates = sum(portal.candidates for portal in numbers.portals)
    buyers, non_buyers = _added(numbers.portals)
    phones = sum(portal.phones for portal in numbers.portals)
    sums = [
        Line(
            "All portals",
            tuple(map(number, (buyers, non_buyers, phones))),
            note=_left_out(candidates, buyers + non_buyers),
            is_sum=True,
        )
    ]
    shared = phones - numbers.funnel.phones
    if shared:
        distinct = number(numbers.funnel.phones)
        sums += [
            Line("Phones in several portals", ("", "", f"{MINUS}{number(shared)}")),
            Line("Distinct phones", ("", "", distinct), is_sum=True),
        ]
    return Table("portals", ("Portal", "Buyers", "Non-buyers", "Phones"), lines, sums)


def _left_out(candidates: int, exported: int) -> str:
    left_out = candidates - exported
    return f"{counted(candidates, 'candidate')}, {number(left_out)} left out"


def consents(numbers: Numbers) -> Table:
    """Return the rows by what consent they rest on, by portal and audience."""
    most = max((c.explicit + c.assumed for c in numbers.consents), default=0)
    lines = [
        Line(
            f"{consent.portal}, {AUDIENCE_NAMES[consent.audience]}",
            (number(consent.explicit), number(consent.assumed)),
            note=f"{number(consent.undated)} explicit without a date, so the "
            "activity's start counts"
            if consent.undated
            else "",
            bar=bar([("total", consent.explicit), ("went", consent.assumed)], most),
        )
        for consent in numbers.consents
    ]
    sums = [
        Line(
            "All rows",
            (
                number(sum(consent.explicit for consent in numbers.consents)),
                number(sum(consent.assumed for consent in numbers.consents)),
            ),
            is_sum=True,
        )
    ]
    return Table("consents", ("Portal, audience", "Explicit", "Assumed"), lines, sums)


def unknown_words(numbers: Numbers) -> Table:
    """Return the subjects whose consent field has an unknown word, by portal."""
    found = numbers.unknown_words
    most = max((words.buyers + words.non_buyers for words in found), default=0)
    lines = [
        Line(
            words.portal,
            _audiences(words.buyers, words.non_buyers),
            bar=bar(_parts(words), most),
        )
        for words in found
    ]
    sums = [Line("All portals", _audiences(*_added(found)), is_sum=True)]
    header = ("Portal", "Buyers", "Non-buyers", "Both")
    return Table("unknown_words", header, lines, sums)


def least_reachable(jobs: Sequence[Job]) -> Table:
    """Return the jobs with the smallest share of reachable subjects, worst first.

    Leave out jobs of fewer than LEAST_SUBJECTS and those where all are reachable.
    """
    weak = [
        job
        for job in jobs
        if job.subjects >= LEAST_SUBJECTS and job.reachable < job.subjects
    ]
    weak.sort(key=lambda job: (job.reachable / job.subjects, -job.subjects))
    lines = [_job(job, job.reachable, ("total", "went")) for job in weak[:LISTED_JOBS]]
    return Table("reachable", ("Job", "Subjects", "Reachable", "Share"), lines)


def most_unsold(jobs: Sequence[Job]) -> Table:
    """Return the jobs with most subjects that have bought nothing, worst first."""
    weak = [job for job in jobs if job.unsold]
    weak.sort(key=lambda job: (-job.unsold, job.subjects))
    lines = [
        _job(job, job.unsold, ("non_buyers", "buyers")) for job in weak[:LISTED_JOBS]
    ]
    return Table("unsold", ("Job", "Subjects", "Unsold", "Share"), lines)


def _job(job: Job, part: int, drawn: tuple[str, str]) -> Line:
    """Return a job with a part of its subjects, drawn against the rest."""
    amounts = (part, job.subjects - part)
    name = shown(job.job_name or job.job_uuid, NAME_LENGTH, JOINERS)
    return Line(
        name if job.job_name else f"No name, {name}",
        (number(job.subjects), number(part), percent(part, job.subjects)),
        note=job.portal,
        bar=bar(list(zip(drawn, amounts, strict=True)), job.subjects),
    )


def trend(runs: Sequence[TrendRun]) -> Table:
    """Return the runs, newest first."""
    lines = [
        Line(
            began_at(run.run_id),
            tuple(map(number, (run.buyers, run.non_buyers, run.rows))),
            note=run.run_id if run.rows is not None else f"{run.run_id}: no manifest",
        )
        for run in reversed(runs)
    ]
    return Table("trend", ("Run, UTC", "Buyers", "Non-buyers", "Rows"), lines)


def load(portals: Sequence[PortalLoad]) -> Table:
    """Return what the portals were asked for, with the sum.

    What load.json leaves out is a dash, and so is its sum.
    """
    counts = [astuple(portal)[1:] for portal in portals]
    added = PortalLoad("All portals", *map(_known_sum, zip(*counts, strict=True)))
    return Table(
        "load",
        ("Portal", "Requests", "Asked", "Carried over"),
        [_loaded(portal) for portal in portals],
        [replace(_loaded(added), is_sum=True)],
    )


def _loaded(portal: PortalLoad) -> Line:
    """Return what was asked for and carried over, access keys and users together."""
    asked = _known_sum((portal.asked_keys, portal.asked_users))
    carried = _known_sum((portal.carried_keys, portal.carried_users))
    is_split = asked is not None and carried is not None
    return Line(
        portal.portal,
        (number(portal.requests), number(asked), number(carried)),
        note=f"Keys: {number(portal.asked_keys)} asked, "
        f"{number(portal.carried_keys)} carried over. "
        f"Users: {number(portal.asked_users)}, {number(portal.carried_users)}."
        if is_split
        else "",
    )


def _known_sum(amounts: Sequence[int | None]) -> int | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None


def suppressions(found: Suppressions) -> Table:
    """Return who was suppressed, and what the list had, if there was one."""
    counts = [
        ("Suppressed phones", found.suppressed["sms"]),
        ("Suppressed e-mails", found.suppressed["email"]),
        ("Matched an address of the load", found.matched),
        ("Entries of the ledger", found.entries),
    ]
    listed = found.listed
    if listed is not None:
        counts += [
            ("Lines of the list", listed.rows),
            ("New opt-outs of the list", listed.added),
            ("Opt-outs known before", listed.known),
            ("Phones repaired", listed.repaired),
            ("E-mails rejected", listed.rejected_emails),
            ("Unreadable lines, allowed", listed.unreadable),
            ("Gone from the list, still suppressed", listed.gone),
        ]
    lines = [Line(label, (number(count),)) for label, count in counts]
    return Table("suppressions", ("What", "Count"), lines)


def contracts(build: Build) -> Table:
    """Return how the contracts ended, by kind, with the sum."""
    lines = [
        Line(f"{label}s", tuple(map(number, _ends(build.results, kind))))
        for kind, label in KINDS.items()
        if any(result.kind == kind for result in build.results)
    ]
    sums = [Line("All", tuple(map(number, _ends(build.results))), is_sum=True)]
    return Table("contracts", ("Kind", "Passed", "Failed", "Skipped"), lines, sums)


def _ends(results: Iterable[Result], kind: str | None = None) -> tuple[int, int, int]:
    """Return how many of a kind, or of all, passed, failed and were skipped."""
    chosen = [result for result in results if kind in (None, result.kind)]
    good = sum(result.is_good for result in chosen)
    skipped = sum(result.is_skipped for result in chosen)
    return good, len(chosen) - good - skipped, skipped


def failures(build: Build) -> Table:
    """Return what failed, with its rows or its status."""
    failed = build.failed()
    lines = [
        Line(
            result.name, (how_failed(result),), note=KINDS.get(result.kind, result.kind)
        )
        for result in failed[:LISTED]
    ]
    return Table(
        "failures", ("Contract", "Result"), lines, more=len(failed) - len(lines)
    )


def run_files(files: Sequence[RunFile]) -> Table:
    """Return the files of a run; an audience in two formats counts twice."""
    lines = [
        Line(file.path, (number(file.rows), number(file.bytes)), note=file.sha256)
        for file in sorted(files, key=lambda file: file.path)[:LISTED]
    ]
    return Table(
        "files", ("File, sha256", "Rows", "Bytes"), lines, more=len(files) - len(lines)
    )


def variables(values: dict[str, Json]) -> Table:
    """Return the variables. Most lists are only counted: they can hold names."""
    lines = [
        Line(name, (variable_text(name, value),))
        for name, value in sorted(values.items())
    ]
    return Table("variables", ("Variable", "Value"), lines)

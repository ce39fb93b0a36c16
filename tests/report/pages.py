"""Made-up reports of every way in which a build can end."""

from collections.abc import Callable
from dataclasses import replace

from audience.databases import Row
from audience.report.build import Build, Result
from audience.report.page import Facts
from audience.report.trend import TrendRun
from publish.manifest import RunFile

HOSTILE = (
    "<script>document.title='run'</script>",
    "\"><img src=x onerror=alert(1)> ' {{ 7 * 7 }} {% raw %}",
    "</style></table><h1>Closed</h1>",
    "\u202egnirpS \u2067tfel ot thgir",
    "\u05e8\u05d1\u05d9\u05d9\u05d4 2026 \u0645\u062f\u0631\u0633\u0629",
    "Long " + "name" * 75,
    "W" * 300,
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 School \U0001f393",
    "&amp; &lt;b&gt; &#x202e;",
    "",
)
VARIABLES = {
    "audience": "both",
    "as_of": "2026-11-24T13:42:53Z",
    "contact_filter": "phone",
    "groups": ["Canaryteacher"],
    "promote": True,
}


FUNNEL = (
    *("landed", "in_details_only", "of_jobs_off_sale", "subjects", "candidates"),
    *("exported", "without_phone", "phones"),
)
REASON = ("reason", "label", "meaning", "remedy", "buyers", "non_buyers")
PORTAL = ("portal", "candidates", "buyers", "non_buyers", "phones")
CONSENT = ("portal", "audience", "explicit", "assumed", "undated")
JOB = ("portal", "job_uuid", "job_name", "subjects", "reachable", "unsold")
LOAD = (
    *("portal", "requests", "asked_keys", "carried_keys", "asked_users"),
    *("carried_users", "asked", "carried"),
)


def row(names: tuple[str, ...], *values: object) -> Row:
    """Return a row of one of the report's queries."""
    return dict(zip(names, values, strict=True))


def run_id(number: int) -> str:
    """Return the id of the run of a night."""
    return f"202611{number + 1:02d}T013000000000Z-{number:08x}"


LAST = run_id(29)


def build(**more: object) -> Build:
    """Return a build in which everything passed."""
    results = [
        Result(f"{kind}_of_a_rather_long_name_{number:03d}", kind, status, failures)
        for kind, status, failures, count in (
            ("test", "pass", 0, 200),
            ("unit_test", "pass", None, 25),
            ("model", "success", None, 45),
            ("seed", "success", None, 3),
        )
        for number in range(count)
    ]
    values = {
        "run_id": LAST,
        "load_id": "20261124T134253711723Z-6289c402",
        "code_version": "0.1.0+e0f90aa8a393",
        "obstacle": "",
        "variables": VARIABLES,
        "left_out": 0,
        "results": tuple(results),
        **more,
    }
    return Build(**values)  # type: ignore[arg-type]


def facts() -> Facts:
    """Return a promoted run of two portals after 29 others, two of which failed."""
    jobs = [
        row(JOB, "north", f"job-{n:04d}", HOSTILE[n] or None, 40, n, 40 - n)
        for n in range(len(HOSTILE))
    ]
    return Facts(
        build=build(),
        promoted=LAST,
        was_promoted=True,
        numbers={
            "as_of": "2026-11-24T13:42:53Z",
            "funnel": row(FUNNEL, 1300, 60, 40, 1200, 1500, 1100, 100, 900),
            "reasons": [
                row(
                    REASON,
                    "duplicate",
                    "Same",
                    "Another is kept.",
                    "Nothing.",
                    100,
                    150,
                ),
                row(
                    REASON,
                    "contact_invalid",
                    "No usable {contact}",
                    "What is entered is not a valid {contact}.",
                    "Correct the {contact}.",
                    50,
                    100,
                ),
            ],
            "portals": [
                row(PORTAL, "north", 1000, 300, 500, 620),
                row(PORTAL, "south", 500, 100, 200, 300),
            ],
            "consents": [
                row(CONSENT, "north", "buyers", 100, 200, 0),
                row(CONSENT, "north", "non_buyers", 0, 500, 0),
                row(CONSENT, "south", "buyers", 100, 0, 12),
                row(CONSENT, "south", "non_buyers", 200, 0, 0),
            ],
            "unknown_words": [{"portal": "south", "buyers": 2, "non_buyers": 1}],
            "jobs": jobs,
        },
        load=[
            row(LOAD, "north", 1000, 20, 980, 10, 400, 30, 1380),
            row(LOAD, "south", 500, 10, 490, 5, 200, 15, 690),
        ],
        files=[
            RunFile(
                f"{portal}/{audience}.csv", portal, audience, "csv", rows, 1, "f" * 64
            )
            for portal, audience, rows in (
                ("north", "buyers", 300),
                ("north", "non_buyers", 500),
                ("south", "buyers", 100),
                ("south", "non_buyers", 200),
            )
        ],
        trend=[
            TrendRun(run_id(n), None, None)
            if n in (7, 20)
            else TrendRun(run_id(n), 300 + n, 600 + 2 * n)
            for n in range(30)
        ],
    )


def many_jobs() -> Facts:
    """Return a run of 500 jobs with the longest names, in 9 portals."""
    whole = facts()
    assert whole.numbers
    jobs = [
        row(
            JOB,
            f"midshipmenportraits{n % 9}",
            f"{n:036d}",
            f"{n} " + "\U0001f393" * 300,
            90,
            n % 90,
            50,
        )
        for n in range(500)
    ]
    portals = [
        row(PORTAL, f"midshipmenportraits{n}", 99_999, 33_333, 33_333, 55_555)
        for n in range(9)
    ]
    return replace(whole, numbers={**whole.numbers, "jobs": jobs, "portals": portals})


def failed() -> Facts:
    """Return a build whose contracts failed after its marts."""
    whole = facts()
    results = [
        Result("assert_no_suppressed_address_is_exported", "test", "fail", 12),
        Result("export_contacts", "model", "skipped", None),
        Result("int_galleries", "model", "error", None),
        *whole.build.results,
        Result("audience_members", "model", "success", None),
    ]
    return replace(
        whole,
        build=build(results=tuple(results), obstacle="3 did not pass: a (fail)"),
        promoted=run_id(28),
        was_promoted=False,
        files=None,
        trend=[*whole.trend[:-1], TrendRun(LAST, None, None)],
    )


def early() -> Facts:
    """Return a build that failed before its marts, of a load with few facts."""
    return replace(
        failed(),
        promoted=None,
        numbers=None,
        load=[row(LOAD, "north", *[None] * 7)],
        trend=[TrendRun(LAST, None, None)],
    )


def guarded() -> Facts:
    """Return a run that passed, but was held back by the volume guard."""
    obstacle = (
        f"run {LAST}: is not promoted, as its rows differ by more than max_change (0.5)"
        f" from those of the promoted run {run_id(28)}: north buyers 900 -> 300. "
        f"If that is right: sms publish promote {LAST} --accept-change"
    )
    return replace(
        facts(),
        build=build(obstacle=obstacle),
        promoted=run_id(28),
        was_promoted=False,
    )


def refreshed() -> Facts:
    """Return a promoted run that was replaced by its copy without late stops."""
    return replace(facts(), promoted=run_id(30))


def not_asked() -> Facts:
    """Return a run that passed but did not ask to be promoted, in an empty root."""
    return replace(facts(), promoted=None, was_promoted=False)


def empty() -> Facts:
    """Return a run without a candidate."""
    whole = facts()
    return replace(
        whole,
        numbers={
            "as_of": "2026-11-24T13:42:53Z",
            "funnel": row(FUNNEL, *[0] * 8),
            "reasons": [],
            "portals": [row(PORTAL, "north", 0, 0, 0, 0)],
            "consents": [],
            "unknown_words": [],
            "jobs": [],
        },
        load=[row(LOAD, "north", 3, *[0] * 6)],
        files=[],
        trend=[TrendRun(LAST, 0, 0)],
    )


def one_portal() -> Facts:
    """Return a run of one portal and one audience, with one row a phone."""
    whole = facts()
    assert whole.numbers
    numbers = {
        **whole.numbers,
        "funnel": row(FUNNEL, 10, 0, 0, 10, 10, 1, 0, 1),
        "reasons": [
            row(REASON, "not_written", "Not written", "Left out.", "Build it.", 0, 9)
        ],
        "portals": [row(PORTAL, "north", 10, 1, 0, 1)],
        "consents": [row(CONSENT, "north", "buyers", 0, 1, 0)],
        "unknown_words": [],
        "jobs": [row(JOB, "north", "job", "A job", 10, 10, 0)],
    }
    return replace(whole, numbers=numbers, load=whole.load[:1], trend=whole.trend[-2:])


PAGES: dict[str, Callable[[], Facts]] = {
    made.__name__: made
    for made in (
        *(facts, many_jobs, failed, early, guarded, refreshed, not_asked),
        *(empty, one_portal),
    )
}

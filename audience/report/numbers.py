"""The numbers of a build, read from its database by audience/sql/report."""

from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from audience.databases import query
from audience.report.build import Build


@dataclass(frozen=True)
class Funnel:
    """From landed subjects to texted phones; each is a count.

    landed - in_details_only - of_jobs_off_sale = subjects; candidates are one a
    subject and activity; exported - without_phone - phones is how many rows repeat
    another row's phone.
    """

    landed: int
    in_details_only: int
    of_jobs_off_sale: int
    subjects: int
    candidates: int
    exported: int
    without_phone: int
    phones: int


@dataclass(frozen=True)
class Reason:
    """Why candidates are left out, in the seed's words, and how many by audience."""

    reason: str
    label: str
    meaning: str
    remedy: str
    buyers: int
    non_buyers: int


@dataclass(frozen=True)
class Portal:
    """A portal's candidates, its exported rows by audience, its distinct phones."""

    portal: str
    candidates: int
    buyers: int
    non_buyers: int
    phones: int


@dataclass(frozen=True)
class Consent:
    """On what consent the exported rows of an audience rest.

    `undated` counts the explicit ones without a readable time of their own.
    """

    portal: str
    audience: str
    explicit: int
    assumed: int
    undated: int


@dataclass(frozen=True)
class UnknownWords:
    """A portal's subjects whose consent field has an unknown word."""

    portal: str
    buyers: int
    non_buyers: int


@dataclass(frozen=True)
class Job:
    """A job's subjects: who can be reached, and who has bought nothing."""

    portal: str
    job_uuid: str
    job_name: str | None
    subjects: int
    reachable: int
    unsold: int


@dataclass(frozen=True)
class PortalLoad:
    """What a load asked a portal for; None where load.json does not say."""

    portal: str
    requests: int | None
    asked_keys: int | None
    carried_keys: int | None
    asked_users: int | None
    carried_users: int | None


@dataclass(frozen=True)
class Numbers:
    """What a build's marts say. Without one of the marts, its list is empty."""

    as_of: str
    funnel: Funnel
    reasons: list[Reason]
    portals: list[Portal]
    consents: list[Consent]
    unknown_words: list[UnknownWords]
    jobs: list[Job]


def read_numbers(connection: DuckDBPyConnection, build: Build) -> Numbers | None:
    """Return a build's numbers, None if it made no members or had no row at all."""
    if not build.has_made("audience_members"):
        return None
    run = query(connection, "report/run")
    if not run:
        return None
    query(connection, "report/members", {"audiences": list(build.audiences)})
    [funnel] = query(connection, "report/funnel")
    return Numbers(
        **run[0],
        funnel=Funnel(**funnel),
        reasons=[Reason(**row) for row in query(connection, "report/reasons")],
        portals=[Portal(**row) for row in query(connection, "report/portals")],
        consents=[Consent(**row) for row in query(connection, "report/consents")]
        if build.has_made("audience_evidence")
        else [],
        unknown_words=[
            UnknownWords(**row) for row in query(connection, "report/unknown_words")
        ]
        if build.has_made("audience_unknown_words")
        else [],
        jobs=[Job(**row) for row in query(connection, "report/jobs")],
    )


def read_load(connection: DuckDBPyConnection) -> list[PortalLoad]:
    """Return what the load says of its portals in its load.json."""
    return [PortalLoad(**row) for row in query(connection, "report/load")]

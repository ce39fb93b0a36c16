"""Small worlds for tests: one good portal, job, activity and subject to change."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tests.reference.interface import PortalConfig, Result, Variables
from tests.reference.rules import audiences

AS_OF = datetime(2026, 3, 1, 12, tzinfo=UTC)
WEBSHOP = PortalConfig(
    "north", "https://north.example.com/api/v1", "Sandbox", "US", "USA", "webshop"
)
EXPLICIT = PortalConfig(
    "maple", "https://maple.example.com/api/v1", "Sandbox", "CA", "Canada", "explicit"
)

Raw = dict[str, Any]


def activity(uuid: str = "a1", /, job: str = "j1", **changes: object) -> Raw:
    """An activity on sale since a month before AS_OF, its job's name apart."""
    row = {"uuid": uuid, "name": "Fall", "starting": "2026-02-01"}
    job_name = changes.pop("job_name", "From activity")
    return {**row, "job": {"uuid": job, "name": job_name}, **changes}


def subject(uuid: str = "s1", /, **changes: object) -> Raw:
    """A subject that everything is known of that an export needs."""
    row = {"uuid": uuid, "first_name": "Ada", "last_name": "Lind", "images": ["i1"]}
    return {**row, "phone_number": "202-555-0101", "email": "ada@example.com"} | changes


def job(*buyers: Raw, non_buyers: Sequence[Raw] = (), **changes: object) -> Raw:
    """A job whose image i1 belongs to activity a1, with a key for each subject."""
    listed = [*buyers, *non_buyers]
    images = {"i1": {"uuid": "i1", "activity": {"uuid": "a1"}}}
    answers: Raw = {
        "details": {"uuid": "j1", "name": "School", "images": images},
        "buyers": [*buyers],
        "non_buyers": [*non_buyers],
        "registrations": [],
        "access_keys": {row["uuid"]: [f"KEY-{row['uuid']}"] for row in listed},
    }
    return {**answers, **changes}


def details(*images: Raw, **changes: object) -> Raw:
    """A job's details with a list of images."""
    return {"uuid": "j1", "name": "School", "images": [*images], **changes}


def portal(
    only_job: Raw,
    activities: Sequence[Raw] = (activity(),),
    users: Mapping[str, object] | None = None,
    **more_jobs: Raw,
) -> Raw:
    """A portal with job j1, and others by their uuids."""
    jobs = {"j1": only_job, **more_jobs}
    return {"activities": [*activities], "jobs": jobs, "users": users or {}}


def run(
    raw: Raw,
    *,
    config: PortalConfig = WEBSHOP,
    suppressions: Sequence[Mapping[str, str]] = (),
    **variables: Any,
) -> Result:
    """The result of one portal, with variables other than their defaults."""
    chosen = Variables(**{"as_of": AS_OF, **variables})
    return audiences({config.portal: (config, raw)}, suppressions, chosen)


def row_of(result: Result) -> dict[str, str]:
    """The only row, which is exported."""
    assert result.excluded == []
    assert len(result.exported) == 1
    return result.exported[0]


def reason_of(result: Result) -> str:
    """The reason of the only row, which is excluded."""
    assert result.exported == []
    assert len(result.excluded) == 1
    return result.excluded[0]["reason"]


def fates(result: Result) -> dict[tuple[str, str], str]:
    """What becomes of each (activity, subject): how it resolved, or the reason."""
    found = {
        (row["activity_uuid"], row["subject_uuid"]): row["resolution_strategy"]
        for row in result.exported
    }
    for row in result.excluded:
        found[row["activity_uuid"], row["subject_uuid"]] = row["reason"]
    return found


def row_with(**changes: object) -> dict[str, str]:
    """The exported row of the good subject with some fields changed."""
    return row_of(run(portal(job(subject(**changes)))))


def reason_with(**changes: object) -> str:
    """The reason against the good subject with some fields changed."""
    return reason_of(run(portal(job(subject(**changes)))))

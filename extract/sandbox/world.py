"""The world that a sandbox serves: plain data, made up from a seed.

World  = {"portals": {PATH_KEY: PORTAL}}
PORTAL = {"activities": [raw activity on sale, ...],
          "jobs": {JOB_UUID: JOB},
          "users": {USER_UUID: raw answer}}           a missing user: 404
JOB    = {"details": raw answer,
          "buyers": [raw subject, ...], "non_buyers": [raw subject, ...],
          "registrations": [raw registration, ...],
          "access_keys": {SUBJECT_UUID: raw answer}}  a missing subject: 404
"""

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cached_property, lru_cache
from typing import Any, Final

from extract.sandbox.cases import apply_case, case_number
from extract.sandbox.details import job_details, lists_subjects, unlisted_uuid
from extract.sandbox.people import Person, plain_person
from extract.sandbox.plan import Frame, Plan, frame, user_home
from extract.sandbox.words import CA_AREAS, US_AREAS, Row

type World = dict[str, Any]
type Made = tuple[Row, dict[str, Row]]

# Worlds of more subjects make up their jobs and users when they are asked for.
PLAIN_SUBJECTS: Final = 20_000
# How many jobs a larger world keeps at hand.
KEPT_JOBS: Final = 64


def generate(
    jobs: int, subjects: int, seed: int, today: date, *, plain: bool = False
) -> World:
    """Make up a world of two portals, each of `jobs` jobs of `subjects` subjects.

    Portal "1" is for region US and the consent basis `webshop`, portal "2" for region
    CA and `explicit`. Dates are counted back from `today`; the same arguments
    give the same world. Up to PLAIN_SUBJECTS subjects it is dicts and lists throughout,
    which can be changed; in a larger one `jobs` and `users` are read-only mappings that
    make up their values when asked. A `plain` world has ordinary subjects alone, and
    none of the cases that a portal has now and then.
    """
    size = (jobs, subjects, today)
    plans = (
        Plan(seed, "1", *size, "USA", US_AREAS, explicit=False, plain=plain),
        Plan(seed, "2", *size, "Canada", CA_AREAS, explicit=True, plain=plain),
    )
    small = len(plans) * jobs * subjects <= PLAIN_SUBJECTS
    portal = plain_portal if small else lazy_portal
    return {"portals": {plan.key: portal(plan) for plan in plans}}


def plain_portal(plan: Plan) -> Row:
    """Return a portal whose jobs and users are all made up now."""
    jobs: dict[str, Row] = {}
    users: dict[str, Row] = {}
    for number in range(plan.jobs):
        job, known = make_job(plan, number)
        jobs[frame(plan, number).uuid] = job
        users |= known
    return {"activities": _activities(plan), "jobs": jobs, "users": users}


def lazy_portal(plan: Plan) -> Row:
    """Return a portal with the same content, made up when it is asked for."""
    return {
        "activities": _activities(plan),
        "jobs": _Jobs(plan),
        "users": _Users(plan),
    }


class _Jobs(Mapping[str, Row]):
    """The jobs of a portal by uuid; the last few are kept."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._made = lru_cache(KEPT_JOBS)(make_job)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {frame(self._plan, n).uuid: n for n in range(self._plan.jobs)}

    def __getitem__(self, uuid: str) -> Row:
        return self._made(self._plan, self._numbers[uuid])[0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return self._plan.jobs


class _Users(Mapping[str, Row]):
    """The users of a portal by uuid, which tells the subject that they came with."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def __getitem__(self, uuid: str) -> Row:
        try:
            job, subject = user_home(uuid)
        except ValueError:
            raise KeyError(uuid) from None
        if not (0 <= job < self._plan.jobs and 0 <= subject < self._plan.subjects):
            raise KeyError(uuid)
        return _person(self._plan, job, subject).users[uuid]

    def __iter__(self) -> Iterator[str]:
        for job in range(self._plan.jobs):
            yield from make_job(self._plan, job)[1]

    def __len__(self) -> int:
        return sum(1 for _ in self)


def make_job(plan: Plan, number: int) -> Made:
    """Return a job and the users of its subjects."""
    shared = frame(plan, number)
    people = [_person(plan, number, subject) for subject in range(plan.subjects)]
    job: Row = {
        "details": job_details(plan, shared, people),
        "buyers": [row for p in people for row in p.lists.get("buyers", ())],
        "non_buyers": [row for p in people for row in p.lists.get("non_buyers", ())],
        "registrations": _registrations(plan, shared, people),
        "access_keys": {
            p.row["uuid"]: p.access_keys for p in people if p.access_keys is not None
        },
    }
    return job, {uuid: user for p in people for uuid, user in p.users.items()}


def _registrations(plan: Plan, shared: Frame, people: list[Person]) -> list[Row]:
    """Return all registrations, one of them on a subject that no order list has."""
    rows = [row for person in people for row in person.registrations]
    if rows and lists_subjects(shared):
        unlisted = unlisted_uuid(plan, shared)
        rows.append(rows[0] | {"subjectUuid": unlisted})
    return rows


def _person(plan: Plan, job: int, subject: int) -> Person:
    person = plain_person(plan, frame(plan, job), subject)
    case = case_number(plan.subjects, job, subject)
    if case is not None and not plan.plain:
        apply_case(person, case)
    return person


def _activities(plan: Plan) -> list[Row]:
    """Return the activities of all jobs; those of every sixth job lack its name."""
    frames = [frame(plan, number) for number in range(plan.jobs)]
    return [
        {
            "uuid": activity.uuid,
            "name": activity.name,
            "starting": activity.starting,
            "status": {"id": "in-webshop"},
            "job": {"uuid": f.uuid, "name": None if f.number % 6 == 1 else f.name},
        }
        for f in frames
        for activity in f.odd + f.good
    ]

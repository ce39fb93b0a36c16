"""A sandbox job's details, in the layouts that portals have."""

from dataclasses import dataclass
from typing import Final

from extract.sandbox.people import Person
from extract.sandbox.plan import Frame, Plan, new_uuid
from extract.sandbox.words import Row, turn


@dataclass(frozen=True)
class Layout:
    """Where the details hold the job's parts: at the top, under `job`, or not at all.

    Subjects and images are objects keyed by uuid, or lists. What is keyed need not
    repeat its uuid.
    """

    under_job: bool = False
    subjects: str | None = "top"
    keyed_subjects: bool = False
    keyed_images: bool = False
    repeats_uuid: bool = True
    has_name: bool = True


LAYOUTS: Final = (
    Layout(keyed_subjects=True, keyed_images=True),
    Layout(under_job=True, subjects="job"),
    Layout(subjects=None, keyed_images=True, repeats_uuid=False, has_name=False),
    Layout(under_job=True, subjects="job", keyed_subjects=True, repeats_uuid=False),
    Layout(),
    Layout(under_job=True, keyed_subjects=True, keyed_images=True),
)


def job_details(plan: Plan, shared: Frame, people: list[Person]) -> Row:
    """Return the raw answer about a job: its name, subjects and images."""
    layout = turn(shared.number, LAYOUTS)
    job: Row = {"uuid": shared.uuid, "name": shared.name if layout.has_name else None}
    top: Row = {"job": job} if layout.under_job else job
    if layout.subjects is not None:
        subjects = [*_copies(people), _unlisted_subject(plan, shared)]
        holder = job if layout.subjects == "job" else top
        holder["subjects"] = _rows(subjects, layout.keyed_subjects, layout)
    top["images"] = _rows(_images(shared, people), layout.keyed_images, layout)
    return top | {"settings": {"currency": "USD", "delivery": None}, "closed_at": None}


def unlisted_uuid(plan: Plan, shared: Frame) -> str:
    """Return the uuid of the subject that only the job details know."""
    return new_uuid(plan.rng("unlisted", shared.number))


def lists_subjects(shared: Frame) -> bool:
    """Return whether the job's details have subjects."""
    return turn(shared.number, LAYOUTS).subjects is not None


def _unlisted_subject(plan: Plan, shared: Frame) -> Row:
    return {
        "uuid": unlisted_uuid(plan, shared),
        "first_name": "Unlisted",
        "last_name": "Subject",
        "activity_uuid": shared.good[0].uuid,
        "images": [shared.group_photo],
    }


def _copies(people: list[Person]) -> list[Row]:
    """Return the details' copies of the job's subjects, each with an image."""
    return [copy for p in people for copy in p.lists.get("job_details", [_short(p)])]


def _short(person: Person) -> Row:
    row = {
        "uuid": person.row["uuid"],
        "last_name": person.family.name,
        "first_name": "",
    }
    return row | {"images": {image["uuid"]: True for image in person.images[:1]}}


def _images(shared: Frame, people: list[Person]) -> list[Row]:
    group = {"uuid": shared.group_photo, "activity": {"uuid": shared.good[0].uuid}}
    return [group, *(image for person in people for image in person.images)]


def _rows(rows: list[Row], keyed: bool, layout: Layout) -> object:
    if not keyed:
        return rows
    if layout.repeats_uuid:
        return {row["uuid"]: row for row in rows}
    return {row["uuid"]: {k: row[k] for k in row if k != "uuid"} for row in rows}

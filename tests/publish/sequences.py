"""Sequences of lists, builds, promotions, ways back, refreshes and withdrawals.

`World` takes the steps with the project, and notes beside it what was said and who is
in each run. So it knows by itself who is allowed in a promoted file.
"""

import contextlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest
from click.testing import CliRunner

from common.errors import CommandError, UnknownPersonError
from publish.cli import cli
from publish.root import Root
from publish.settings import export_root
from publish.suppressions.entries import STOP
from publish.suppressions.ledger import read_ledger, record, withdraw
from tests.publish.people import PORTAL, Person, build_people, promoted, rows_of
from tests.suppressions.naive import Naive
from tests.suppressions.writing import HEADER, A, B, listed, row

EMAIL = "kim@example.com"
ADDRESSES = (A, B, EMAIL)
# Every other one is not the date of a grant.
TIMES = tuple(f"2025-01-0{day}T00:00:00Z" for day in range(1, 6))
GRANTS = TIMES[1::2]
SLOTS = (
    *product(("phone", "phone_2"), (A, B)),
    *product(("email", "email_2", "user_email"), (EMAIL,)),
)
# How the grant is dated and on what it rests: only the first lifts a stop.
KINDS = (("field", "explicit"), ("starting", "explicit"), ("field", "webshop"))
FIRST = datetime(2025, 1, 6, tzinfo=UTC)
LIST = "list"


def _person(slot: tuple[str, str], kind: tuple[str, str], grant: str) -> Person:
    subject = " ".join((*slot, *kind, grant or "undated"))
    place = {slot[0]: slot[1]}
    return Person(subject, **place, grant=grant, dated_by=kind[0], basis=kind[1])


PEOPLE = {
    person.subject: person
    for person in (
        *(_person(slot, kind, at) for slot, kind, at in product(SLOTS, KINDS, GRANTS)),
        *(_person(slot, KINDS[2], "") for slot in SLOTS),
    )
}


def addresses(person: Person) -> set[str]:
    """Return the addresses of a person that lists can have."""
    known = (person.phone, person.phone_2, person.email, person.email_2)
    return {*known, person.user_email} & set(ADDRESSES)


def grant_of(person: Person) -> str:
    """Return the time of a grant that can lift a stop, '' if there is none."""
    return person.grant if (person.dated_by, person.basis) == KINDS[0] else ""


@dataclass(frozen=True)
class Said:
    """A line of a list; the current list has the source `list`."""

    who: str
    at: str = TIMES[0]
    action: str = STOP
    source: str = "a.csv"


@dataclass(frozen=True)
class TakeBack:
    """A withdrawal, of an address, of one time of it, or of a source."""

    who: str = ""
    at: str = ""
    source: str = ""


@dataclass(frozen=True)
class Build:
    """A run of those people whom the ledger lets in; `is_old`: without evidence."""

    people: Collection[Person]
    promotes: bool = True
    formats: tuple[str, ...] = ("csv",)
    is_old: bool = False


@dataclass(frozen=True)
class Promote:
    """The promotion of a run, counted from the newest; `meanwhile` comes in halfway."""

    back: int = 0
    leaves_out: bool = False
    accepts: bool = True
    meanwhile: Said | None = None


@dataclass(frozen=True)
class Refresh:
    """`sms publish refresh`; `meanwhile` comes in halfway."""

    meanwhile: Said | None = None


type Step = Said | TakeBack | Build | Promote | Refresh


class World:
    """An export root, and what its history says without the project."""

    def __init__(self, folder: Path, environment: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.root = export_root()
        self.said = Naive()
        self.listed: list[Said] = []
        self.runs: list[str] = []
        self.people: dict[str, set[str]] = {}
        self.old: set[str] = set()
        self.meanwhile: list[Said] = []
        self._environment = environment
        move = type(self.root).move_current

        def stop_and_move(root: Root, content: bytes, run_id: str, over: str) -> None:
            assert self.members(run_id) <= self.allowed(run_id)
            while self.meanwhile:
                self._record(self.meanwhile.pop())
            move(root, content, run_id, over)

        environment.setattr(type(self.root), "move_current", stop_and_move)

    def take(self, step: Step) -> None:
        """Take a step, and compare what it did with what it must do."""
        match step:
            case Said(source="list"):
                self._hand_in(step)
            case Said():
                self._record(step)
            case TakeBack():
                self._take_back(step)
            case Build():
                self._build(step)
            case Promote() if self.runs:
                self._promote(step)
            case Refresh() if self.people:
                self._refresh(step)

    def members(self, run_id: str) -> set[str]:
        """Return who is in the files of a run, which must agree."""
        found = []
        for path in self.root.list_files(f"runs/{run_id}/{PORTAL}"):
            found.append(self._subjects(f"runs/{run_id}/{PORTAL}/{path}"))
        assert found
        assert all(subjects == found[0] for subjects in found)
        return found[0]

    def allowed(self, run_id: str) -> set[str]:
        """Return whom R9 allows in a run, of those who were built into it."""
        origin = run_id
        while origin not in self.people:
            content = self.root.read(f"runs/{origin}/manifest.json")
            assert content is not None
            origin = json.loads(content)["derived_from"]
        return {
            subject
            for subject in self.people[origin]
            if self._is_allowed(PEOPLE[subject], origin)
        }

    def _is_allowed(self, person: Person, run_id: str) -> bool:
        granted = "" if run_id in self.old else grant_of(person)
        stops = (self.said.stopped_at(who) for who in addresses(person))
        return all(granted > stop for stop in stops if stop)

    def _subjects(self, key: str) -> set[str]:
        if key.endswith(".csv"):
            return {row["subject_uuid"] for row in rows_of(self.root, key)}
        content = self.root.read(key)
        assert content is not None
        return {row["subject_uuid"] for row in json.loads(content)["contacts"]}

    def _hand_in(self, said: Said) -> None:
        """Make this line the whole current list, which no command has read yet."""
        self.listed = [said]
        text = HEADER + _line(said)
        path = listed(self.folder, text, "current.csv")
        self._environment.setenv("SUPPRESSIONS_CSV", str(path))

    def _list_is_read(self) -> None:
        for said in self.listed:
            self.said.say(said.who, said.action, said.at, LIST)

    def _record(self, said: Said) -> None:
        path = listed(self.folder, HEADER + _line(said), said.source)
        record(self.root, path, source=said.source)
        self.said.say(said.who, said.action, said.at, said.source)

    def _take_back(self, step: TakeBack) -> None:
        with contextlib.suppress(UnknownPersonError):
            if step.source:
                withdraw(self.root, "wrong", source=step.source)
            else:
                who = _channel(step.who), step.who
                withdraw(self.root, "wrong", address=who, at=step.at)
        if step.source:
            self.said.take_back_source(step.source)
        else:
            self.said.take_back(step.who, step.at)

    def _build(self, step: Build) -> None:
        decided = read_ledger(self.root).suppressed
        people = [
            person
            for person in step.people
            if all(
                grant_of(person) > decided.get((_channel(who), who), "")
                or (_channel(who), who) not in decided
                for who in addresses(person)
            )
        ]
        number = len(self.runs) + 1
        run_id = f"{FIRST + timedelta(seconds=number):%Y%m%dT%H%M%S%f}Z-{number:08x}"
        self.runs.append(run_id)
        self.people[run_id] = {person.subject for person in people}
        if step.is_old:
            self.old.add(run_id)
        if step.promotes:
            self._list_is_read()
        try:
            build_people(
                run_id,
                people,
                decided=decided,
                formats=step.formats,
                is_old=step.is_old,
                promote=step.promotes,
            )
        except CommandError as error:
            assert error.exit_code == 10
            is_clean = self.people[run_id] == self.allowed(run_id)
            assert not is_clean or "held back" in str(error)
        else:
            if step.promotes:
                self._check_promoted(run_id)

    def _promote(self, step: Promote) -> None:
        run_id = self.runs[-1 - step.back % len(self.runs)]
        before = self._promoted()
        self._list_is_read()
        is_clean = self.people[run_id] == self.allowed(run_id)
        options = ["--leave-out-suppressed"] if step.leaves_out else []
        options += ["--accept-change"] if step.accepts else []
        done = self._run(step.meanwhile, "promote", run_id, *options)
        if done == 0:
            assert is_clean or step.leaves_out or before == run_id
            self._check_promoted(run_id)
        else:
            assert done == 10
            assert self._promoted() == before
            assert not step.accepts or not (is_clean or step.leaves_out)

    def _refresh(self, step: Refresh) -> None:
        before = self._promoted()
        self._list_is_read()
        done = self._run(step.meanwhile, "refresh")
        if before is None:
            assert done == 10
        else:
            assert done == 0
            self._check_promoted(before)

    def _run(self, meanwhile: Said | None, *arguments: str) -> int:
        self.meanwhile = [meanwhile] if meanwhile else []
        result = CliRunner().invoke(cli, arguments)
        # Nothing moved, so nothing came in halfway.
        self.meanwhile = []
        if isinstance(result.exception, CommandError):
            return result.exception.exit_code
        if result.exception is not None:
            raise result.exception
        return result.exit_code

    def _promoted(self) -> str | None:
        return promoted(self.root)["run_id"] if self.root.current().content else None

    def _check_promoted(self, origin: str) -> None:
        """Compare the promoted run and latest/ with who is allowed in.

        It is `origin` or a copy of it, so no one who was left out comes back.
        """
        run_id = str(self._promoted())
        allowed = self.allowed(origin)
        assert self.members(run_id) == allowed
        if run_id not in self.people:
            self.people[run_id] = allowed
            self.old |= {run_id} if origin in self.old else set()
        for path in self.root.list_files(f"latest/{PORTAL}"):
            latest = self.root.read(f"latest/{PORTAL}/{path}")
            assert latest == self.root.read(f"runs/{run_id}/{PORTAL}/{path}")


def _channel(who: str) -> str:
    return "email" if "@" in who else "sms"


def _line(said: Said) -> str:
    return row(said.who, said.at, said.action, _channel(said.who))

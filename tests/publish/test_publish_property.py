"""Whatever happens in whatever order, no promoted file has who said stop."""

import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from common.errors import CommandError
from publish.promotion import load_current, load_manifest
from publish.refreshing import promote, promote_without_stops, refresh
from publish.settings import export_root
from publish.suppressions.entries import Address
from publish.suppressions.ledger import read_ledger, withdraw
from tests.publish.people import PORTAL, Person, build_people, rows_of
from tests.suppressions.writing import A, B, add, row

PHONES = (A, B)
TIMES = [f"2025-01-0{day}T00:00:00Z" for day in range(1, 4)]
phones = st.sampled_from(PHONES)
times = st.sampled_from(TIMES)
grants = st.sampled_from(["", *TIMES])
FIRST = datetime(2025, 1, 6, tzinfo=UTC)


def is_texted(grant: str, stop: str) -> bool:
    """Return whether a stop leaves a person in (R9); `stop` is empty without one."""
    return not stop or grant > stop


class Promotions(RuleBasedStateMachine):
    """Lists, builds, promotions, ways back, refreshes and withdrawals."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.environ = pytest.MonkeyPatch()
        self.environ.setenv("EXPORT_ROOT", f"{self.folder.name}/exports")
        self.environ.delenv("SUPPRESSIONS_CSV", raising=False)
        self.root = export_root()
        self.runs = 0

    @rule(phone=phones, at=times, action=st.sampled_from(["stop", "stop", "start"]))
    def list_says(self, phone: str, at: str, action: str) -> None:
        """A list with one line is recorded; a refresh follows it."""
        add(self.root, Path(self.folder.name), row(phone, at, action))
        refresh(self.root)

    @rule(phone=phones, at=times)
    def list_says_unseen(self, phone: str, at: str) -> None:
        """A list is recorded, and the next step is a promotion of any kind."""
        add(self.root, Path(self.folder.name), row(phone, at))
        if runs := self.finished():
            self.go_back(len(runs) - 1, leaves_out=False, accepts=True)
        refresh(self.root)

    @rule(phone=phones)
    def take_back(self, phone: str) -> None:
        """A wrong entry is withdrawn; what it stopped before may show again."""
        try:
            withdraw(self.root, "wrong", address=("sms", phone))
        except CommandError:
            return
        refresh(self.root)

    @rule(granted=st.tuples(grants, grants), is_stale=st.booleans())
    def build(self, granted: tuple[str, ...], is_stale: bool) -> None:
        """A run is built; a stale one has not seen the ledger."""
        decided: Mapping[Address, str] = (
            {} if is_stale else read_ledger(self.root).suppressed
        )
        people = [
            Person(f"s{n}", phone, grant=grant)
            for n, (phone, grant) in enumerate(zip(PHONES, granted, strict=True))
            if is_texted(grant, decided.get(("sms", phone), ""))
        ]
        self.runs += 1
        at = FIRST + timedelta(seconds=self.runs)
        run_id = f"{at:%Y%m%dT%H%M%S%f}Z-{self.runs:08x}"
        try:
            build_people(run_id, people, decided=decided)
        except CommandError as error:
            assert error.exit_code == 10

    @rule(
        index=st.integers(0, 20),
        leaves_out=st.booleans(),
        accepts=st.booleans(),
    )
    def go_back(self, index: int, leaves_out: bool, accepts: bool) -> None:
        """Any run is promoted."""
        runs = self.finished()
        if not runs:
            return
        run_id = runs[index % len(runs)]
        began_with = self.root.current().version
        manifest, _ = load_manifest(self.root, run_id)
        try:
            if leaves_out:
                promote_without_stops(
                    self.root, manifest, began_with, accept_change=accepts
                )
            else:
                promote(self.root, run_id, began_with, accept_change=accepts)
        except CommandError as error:
            assert error.exit_code == 10

    def finished(self) -> list[str]:
        """Return the runs that have a manifest."""
        return [
            run_id
            for run_id in self.root.run_ids()
            if self.root.read(f"runs/{run_id}/manifest.json")
        ]

    @invariant()
    def nobody_who_said_stop_is_promoted(self) -> None:
        """Compare the files with the ledger, past the project's own comparison."""
        current = load_current(self.root)
        if current is None:
            return
        stops = read_ledger(self.root).suppressed
        evidence = rows_of(self.root, f"runs/{current.run_id}/evidence.csv")
        given = {
            line["subject_uuid"]: line["consented_at"]
            for line in evidence
            if (line["basis"], line["dated_by"]) == ("explicit", "field")
        }
        for line in rows_of(self.root, f"latest/{PORTAL}/buyers.csv"):
            stop = stops.get(("sms", line["phone_number"]), "")
            assert is_texted(given.get(line["subject_uuid"], ""), stop)

    def teardown(self) -> None:
        """Remove the root, and leave the environment as it was."""
        self.environ.undo()
        self.folder.cleanup()


Promotions.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestPromotions = Promotions.TestCase

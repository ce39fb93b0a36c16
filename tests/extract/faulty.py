"""A project whose portal plays faults, and checks after each of them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.seeds import COLUMNS
from extract.sandbox import SANDBOX_USERNAME, Sandbox, World
from extract.sandbox.faults import Playing
from tests.extract.loading import (
    PASSWORD,
    ROWS,
    Ended,
    environment,
    extract,
    staged,
    without_times,
)

MIB = 1024 * 1024
# No load takes more memory, and no file of one is larger, staged or temporary.
MOST_MEMORY = 300 * MIB
MOST_DISK = 24 * MIB
IMPATIENT = ("--attempts", "2", "--max-pages", "20")
LOAD = {f"{entity}.parquet" for entity in (*ROWS, "quarantine")}
PERSONAL = (
    *("first_name", "last_name", "name", "parent_name", "email_address", "email"),
    *("email_2", "phone_number", "phone_number_2", "mobile_phone"),
)


@dataclass
class Stage:
    """A project and its portal, which has another world than the current load.

    `rows` has what a load lands of that world if the portal plays no fault.
    """

    folder: Path
    sandbox: Sandbox
    world: World
    rows: dict[str, list[str]]
    said: list[str] = field(default_factory=list)

    @property
    def landing(self) -> Path:
        """The landing of the project."""
        return self.folder / "landing"

    @property
    def current(self) -> str:
        """The id of the current load."""
        return (self.landing / "current").readlink().name

    def extract(self, *arguments: str) -> Ended:
        """Run `extract` with limits on disk and memory."""
        access = {"PORTAL_USERNAME": SANDBOX_USERNAME, "PORTAL_PASSWORD": PASSWORD}
        ended = extract(
            self.folder, *arguments, env=environment(**access), most_disk=MOST_DISK
        )
        assert ended.memory < MOST_MEMORY
        self.said += [ended.stdout, ended.stderr]
        return ended

    def load(self, *faults: Playing, options: Sequence[str] = ()) -> Ended:
        """Make a load while the portal plays these faults."""
        self.sandbox.world = self.world
        self.sandbox.faults = faults
        self.sandbox.requests = 0
        return self.extract("load", *IMPATIENT, *options)

    def assert_current(self, load_id: str) -> None:
        """Check that a load is current, and that there are complete loads only."""
        assert self.current == load_id
        for folder in (self.landing / "loads").iterdir():
            facts = json.loads((folder / "load.json").read_text())
            assert facts["load_id"] == folder.name
            assert {one.name for one in folder.glob("*/*")} == LOAD
        assert {one.name for one in self.landing.iterdir()} == {
            ".staging",
            "current",
            "loads",
        }
        assert {one.name for one in self.folder.iterdir()} == {"landing", "seeds"}

    def assert_nothing_said(self) -> None:
        """Check that outputs and file names have no personal data and no credentials.

        Nor has any file the password.
        """
        files = [*self.folder.rglob("*")]
        names = (str(one.relative_to(self.folder)) for one in files)
        said = "\n".join([*self.said, *names])
        words = canaries(self.world)
        assert len(words) > 20
        assert [word for word in words if word in said] == []
        assert "Traceback" not in said
        for path in files:
            assert path.is_dir() or PASSWORD.encode() not in path.read_bytes()

    def assert_recovers(self) -> None:
        """Check that the next load has the rows of a load without faults."""
        ended = self.load()
        assert ended.returncode == 0, ended.stderr
        assert without_times(self.landing) == self.rows
        assert staged(self.landing) == []
        self.assert_current(ended.summary["load_id"])
        self.assert_nothing_said()


def write_seed(folder: Path, base_url: str) -> None:
    """Write a seed with one portal, `studio`."""
    row = f"studio,{base_url},Studio,US,USA,webshop"
    (folder / "seeds").mkdir(exist_ok=True)
    (folder / "seeds" / "portals.csv").write_text(f"{','.join(COLUMNS)}\n{row}\n")


def canaries(world: World) -> set[str]:
    """Return a world's personal texts and the password."""
    portal = world["portals"]["1"]
    words = [*texts([*portal["users"].values()], PERSONAL)]
    for job in portal["jobs"].values():
        words += texts([job["buyers"], job["non_buyers"]], PERSONAL)
        words += texts([*job["access_keys"].values()], ())
    return {word.strip() for word in words if len(word.strip()) > 4} | {PASSWORD}


def texts(value: Any, names: Sequence[str], name: str = "") -> Iterator[str]:
    """Yield the texts of a raw answer under these names; without names, all texts."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from texts(one, names, key)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one, names, name)
    elif isinstance(value, str) and (name in names or not names):
        yield value

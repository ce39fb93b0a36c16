"""A copy of the project in its own folder, and its real commands run there."""

import csv
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from tests.reference import PortalConfig

SOURCE = Path(__file__).parents[2]
PARTS = ("models", "macros", "seeds", "tests", "dbt_project.yml", "profiles.yml")
UNIT_TESTS = "*unit_tests*.yml"
BIN = Path(sys.executable).parent
UV = SOURCE / ".uv" / "bin" / "uv"
SECONDS = 240


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit status and all that it printed."""

    status: int
    output: str


@dataclass(frozen=True)
class Project:
    """The project's files below `folder`, and its data folders."""

    folder: Path
    environment: Mapping[str, str]

    @property
    def landing(self) -> Path:
        """Where loads are landed."""
        return Path(self.environment.get("LANDING_DIR", self.folder / "landing"))

    @property
    def exports(self) -> Path:
        """The export root."""
        return Path(self.environment.get("EXPORT_ROOT", self.folder / "exports"))

    @property
    def database(self) -> Path:
        """The database that dbt builds."""
        default = self.folder / "sms_campaigns.duckdb"
        return Path(self.environment.get("DUCKDB_PATH", default))

    def with_environment(self, **more: str) -> "Project":
        """The same project with more environment variables."""
        return Project(self.folder, {**self.environment, **more})

    def run(self, *command: str, status: int | None = 0) -> Outcome:
        """Run a command of the environment; fail on another status than `status`."""
        environment = {**self.environment, "PATH": os.environ["PATH"]}
        done = forked(command, self.folder, environment)
        if status is not None and done.status != status:
            raise AssertionError(f"{command}: exit {done.status}\n{done.output}")
        return done

    def dbt(
        self,
        *command: str,
        variables: Mapping[str, Any] | None = None,
        status: int | None = 0,
    ) -> Outcome:
        """Run dbt, with variables."""
        extra = ("--vars", json.dumps(dict(variables))) if variables else ()
        return self.run("dbt", "--no-use-colors", *command, *extra, status=status)

    def suppress(self, rows: Sequence[Mapping[str, str]]) -> "Project":
        """The same project with a suppression list of these rows."""
        path = self.exports.with_name("suppressions.csv")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_csv(path, ["channel", "address", "suppressed_at", "reason"], rows)
        return self.with_environment(SUPPRESSIONS_CSV=str(path))

    def current(self) -> dict[str, Any]:
        """What `current.json` says."""
        return read_json(self.exports / "current.json")

    def promoted(self) -> Path:
        """The folder of the promoted run."""
        return self.exports / "runs" / str(self.current()["run_id"])

    def newest_run(self) -> Path:
        """The folder of the newest run, promoted or not."""
        return max((self.exports / "runs").iterdir())

    def marker(self) -> dict[str, Any]:
        """What the database says of its build: run.build."""
        with duckdb.connect(self.database, read_only=True) as data:
            columns, rows = data.table("run.build").columns, data.sql("from run.build")
            return dict(zip(columns, rows.fetchall()[0], strict=True))

    def extracted_at(self) -> str:
        """The time of the current load."""
        return str(read_json(self.landing / "current" / "load.json")["extracted_at"])


@cache
def warm() -> "subprocess.Popen[str]":
    """Start the process that commands are forked from, one for each test process."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.forked"],
        cwd=SOURCE,
        env={"PATH": os.environ["PATH"]},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def forked(
    command: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> Outcome:
    """Run a command in a fork of the warm process, its standard input empty."""
    with tempfile.NamedTemporaryFile(prefix="said-") as output:
        request = {
            "command": command,
            "folder": str(folder),
            "environment": environment,
            "output": output.name,
        }
        server, answer = warm(), ""
        assert server.stdin and server.stdout
        try:
            print(json.dumps(request), file=server.stdin, flush=True)
            is_done, _, _ = select.select([server.stdout], [], [], SECONDS)
            answer = server.stdout.readline() if is_done else ""
        finally:
            # Also where a test is stopped: the next one must not read its answer.
            if not answer:
                warm.cache_clear()
                server.kill()
        said = Path(output.name).read_text(encoding="utf-8", errors="replace")
        if not answer:
            raise AssertionError(f"{command}: has not ended\n{said}")
        return Outcome(int(answer), said)


def new_project(
    folder: Path, portals: Sequence[PortalConfig], *, has_unit_tests: bool = True
) -> Project:
    """Copy the project into `folder`, with these portals in its seed.

    Unit tests use nothing of a load: one build shows what they show. They take a third
    of its time, so the other builds are of a project without them.
    """
    folder.mkdir(parents=True)
    left_out = ["*.py", "__pycache__", "e2e", "reference"]
    skip = shutil.ignore_patterns(*left_out, *([] if has_unit_tests else [UNIT_TESTS]))
    for part in PARTS:
        source = SOURCE / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=skip)
        else:
            shutil.copy(source, folder / part)
    rows = [vars(portal) for portal in portals]
    write_csv(folder / "seeds" / "portals.csv", list(rows[0]), rows)
    return project_at(folder)


def project_at(folder: Path) -> Project:
    """The project that has been copied into `folder`."""
    return Project(
        folder,
        {
            "HOME": str(folder),
            "PORTAL_USERNAME": "sandbox",
            "PORTAL_PASSWORD": "sandbox",
        },
    )


def write_csv(
    path: Path, header: Sequence[str], rows: Sequence[Mapping[str, str]]
) -> None:
    """Write rows with a header."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object."""
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def publication(project: Project) -> dict[str, bytes]:
    """What a consumer sees: current.json and everything in latest/."""
    latest = (project.exports / "latest").rglob("*")
    seen = [path for path in latest if path.is_file()]
    return {
        path.relative_to(project.exports).as_posix(): path.read_bytes()
        for path in [*seen, project.exports / "current.json"]
        if path.exists()
    }

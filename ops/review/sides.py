"""The two sides of a change: base, the code it began from, and head, the code at hand.

Each is built by its own code, in its own environment, into a folder of its own:

    build.duckdb  the database
    target/       what dbt leaves, with the SQL that it has compiled
    exports/      the files of the run
    logs/         dbt's log

Both have the same names below those folders, so that equal code compiles to equal text.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.errors import ConfigError

BASE, HEAD = "base", "head"
BAD = {"error", "fail", "runtime error"}


@dataclass(frozen=True)
class Side:
    """A side by its name, the project's files, and where it is built."""

    name: str
    project: Path
    folder: Path

    @property
    def database(self) -> Path:
        """The database of the build."""
        return self.folder / "build.duckdb"

    @property
    def target(self) -> Path:
        """What dbt leaves."""
        return self.folder / "target"

    @property
    def exports(self) -> Path:
        """The export root."""
        return self.folder / "exports"


@contextmanager
def checked_out(commit: str, folder: Path) -> Iterator[Path]:
    """The project as a commit has it, below `folder` and only for as long as this."""
    git("worktree", "prune")
    git("worktree", "add", "--quiet", "--detach", str(folder), commit)
    try:
        yield folder / git("rev-parse", "--show-prefix")
    finally:
        git("worktree", "remove", "--force", str(folder))


def base_commit(ref: str) -> str:
    """Return the commit that HEAD and `ref` share; ConfigError where there is none."""
    git("rev-parse", "--git-dir")  # No repository at all is another mistake.
    name = ("--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    try:
        commit = git("rev-parse", *name)
    except ConfigError as error:
        raise ConfigError(f"there is no branch or commit {ref!r}") from error
    # What has come to `ref` since then is not this change's.
    return git("merge-base", "HEAD", commit)


def git(*arguments: str) -> str:
    """Return what git prints; ConfigError with its first line where it fails."""
    done = subprocess.run(  # noqa: S603 - no shell
        ["git", *arguments],  # noqa: S607 - whichever git the user has
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no commit that they share"]
        raise ConfigError(f"git {arguments[0]}: {said[0]}")
    return done.stdout.strip()


def build(
    side: Side, surroundings: Mapping[str, str], variables: Mapping[str, Any]
) -> list[str]:
    """Build a side; return the tests, models and seeds that failed, none if it passed.

    `surroundings` are environment variables. What dbt says goes to standard error. A
    build that came to nothing has failed in "dbt" itself.
    """
    if not _dbt(side, "build", surroundings, variables):
        return []
    results = side.target / "run_results.json"
    if not results.is_file():
        return ["dbt"]
    failed = _failed(results)
    # What a failure kept from running has not been compiled.
    _dbt(side, "compile", surroundings, variables)
    return failed


def in_environment(folder: Path) -> tuple[str | Path, ...]:
    """Begin a command in the environment of a folder's pyproject.toml."""
    uv = os.environ.get("UV")
    if uv is None:
        raise ConfigError("start it by `uv run review`, so that both can be built")
    return (uv, "run", "--project", folder, "--locked", "--quiet")


def _dbt(
    side: Side,
    command: str,
    surroundings: Mapping[str, str],
    variables: Mapping[str, Any],
) -> int:
    folders = ("--project-dir", side.project, "--profiles-dir", side.project)
    values = json.dumps(dict(variables))
    return subprocess.run(  # noqa: S603 - no shell
        [
            *in_environment(side.project),
            *("dbt", "--quiet", command, *folders, "--vars", values),
        ],
        cwd=side.project,
        env=_environment(side, surroundings),
        stdout=sys.stderr,
        check=False,
    ).returncode


def _environment(side: Side, surroundings: Mapping[str, str]) -> dict[str, str]:
    # The environment of head is no matter of base's.
    own = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    return {
        **own,
        **surroundings,
        "DUCKDB_PATH": str(side.database),
        "EXPORT_ROOT": str(side.exports),
        "DBT_TARGET_PATH": str(side.target),
        "DBT_LOG_PATH": str(side.folder / "logs"),
    }


def _failed(run_results: Path) -> list[str]:
    """Name what failed by kind and name, such as `test unique_int_run_load_id`."""
    results = json.loads(run_results.read_text(encoding="utf-8"))["results"]
    failed = [one["unique_id"].split(".") for one in results if one["status"] in BAD]
    return sorted({f"{kind} {name}" for kind, _, name, *_ in failed}) or ["dbt"]

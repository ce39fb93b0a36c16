"""The two sides of a change: base, which it started from, and head, the working tree.

Each is built by its own code, in its own environment, into its own folder:

    build.duckdb  the database
    target/       dbt's artifacts, with the compiled SQL
    exports/      the files of the run
    logs/         dbt's log

Names below the folders are the same, so that equal code compiles to equal text.
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
    """A side: its name, its code, and the folder that it is built in."""

    name: str
    project: Path
    folder: Path

    @property
    def database(self) -> Path:
        """The database of the build."""
        return self.folder / "build.duckdb"

    @property
    def target(self) -> Path:
        """dbt's artifacts."""
        return self.folder / "target"

    @property
    def exports(self) -> Path:
        """The export root."""
        return self.folder / "exports"


@contextmanager
def checked_out(commit: str, folder: Path) -> Iterator[Path]:
    """Check a commit out below `folder` for the length of the block."""
    git("worktree", "prune")
    git("worktree", "add", "--quiet", "--detach", str(folder), commit)
    try:
        yield folder / git("rev-parse", "--show-prefix")
    finally:
        git("worktree", "remove", "--force", str(folder))


def base_commit(ref: str) -> str:
    """Return the commit that HEAD and `ref` share; ConfigError where there is none."""
    git("rev-parse", "--git-dir")  # A missing repository has its own message.
    name = ("--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    try:
        commit = git("rev-parse", *name)
    except ConfigError as error:
        raise ConfigError(f"there is no branch or commit {ref!r}") from error
    # Later commits on `ref` are not part of this change.
    return git("merge-base", "HEAD", commit)


def git(*arguments: str) -> str:
    """Return what git prints; ConfigError with its first line where it fails."""
    try:
        done = subprocess.run(  # noqa: S603 - no shell
            ["git", *arguments],  # noqa: S607 - the user's git
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise ConfigError("git is not installed, and a review needs it") from error
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no common commit"]
        raise ConfigError(f"git {arguments[0]}: {said[0]}")
    return done.stdout.strip()


def build(
    side: Side, surroundings: Mapping[str, str], variables: Mapping[str, Any]
) -> list[str]:
    """Build a side; return the tests, models and seeds that failed.

    `surroundings` are environment variables. dbt's output goes to standard error. If
    dbt leaves no results, "dbt" itself has failed.
    """
    if not _dbt(side, "build", surroundings, variables):
        return []
    results = side.target / "run_results.json"
    if not results.is_file():
        return ["dbt"]
    failed = _failed(results)
    # The build did not compile the nodes after a failure.
    _dbt(side, "compile", surroundings, variables)
    return failed


def in_environment(folder: Path) -> tuple[str | Path, ...]:
    """Return the start of a command for the environment of a folder's project."""
    uv = os.environ.get("UV")
    if uv is None:
        raise ConfigError(
            "run it with `uv run sms review`: both sides need uv to be built"
        )
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
    # Base must not use head's environment.
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
    """Return the failed nodes, such as `test unique_int_run_load_id`."""
    results = json.loads(run_results.read_text(encoding="utf-8"))["results"]
    failed = [one["unique_id"].split(".") for one in results if one["status"] in BAD]
    return sorted({f"{kind} {name}" for kind, _, name, *_ in failed}) or ["dbt"]

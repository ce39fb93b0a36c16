"""Which code a run was made with."""

import os
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGE = "sms-campaigns"
PROJECT = Path(__file__).resolve().parent.parent
GIT_TIMEOUT_SECONDS = 10


def code_version(project: Path = PROJECT) -> str:
    """Return the package's version and, in a git checkout, the commit it is at.

    `0.1.0`, `0.1.0+3f2a9c01b7de`, or `0.1.0+3f2a9c01b7de-dirty` where a file that git
    does not ignore differs from the commit. Never fails: what cannot be found out is
    left out.
    """
    package = _package_version()
    if not (project / ".git").exists():
        return package
    commit = _git(project, "rev-parse", "--short=12", "HEAD")
    if not commit:
        return package
    dirty = _git(project, "status", "--porcelain")
    return f"{package}+{commit}" + ("-dirty" if dirty else "")


def _package_version() -> str:
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return "unknown"


def _git(project: Path, *arguments: str) -> str:
    """Return what git prints, or nothing where git is missing or refuses."""
    # A git hook sets GIT_DIR and the like for a repository that may be another.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    command = ["git", "--no-optional-locks", "-C", str(project), *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments, no shell
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=GIT_TIMEOUT_SECONDS,
            env=environment,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""

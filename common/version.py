"""The version of the code that makes a run."""

import os
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGE = "sms-campaigns"
PROJECT = Path(__file__).resolve().parent.parent
GIT_TIMEOUT_SECONDS = 10


def code_version(project: Path = PROJECT) -> str:
    """Return the package's version and, in a git checkout, the commit it is at.

    `0.1.0`, `0.1.0+3f2a9c01b7de`, or `0.1.0+3f2a9c01b7de-dirty` if a file that git does
    not ignore differs from the commit. Leave out what cannot be determined.
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
    """Return what git prints, or nothing if git is missing or fails."""
    # In a git hook, GIT_DIR and others can point to another repository.
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

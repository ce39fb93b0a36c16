"""Projects for nights, which run as by hand."""

import os
import subprocess
from pathlib import Path
from socket import create_server, socket
from typing import Any

from tests.e2e.project import BIN, Project, new_project, read_json
from tests.reference import PortalConfig

HEADER = "channel,address,suppressed_at,reason\n"
SECONDS = 30


def new_night_project(folder: Path, origin: str = "http://127.0.0.1:9") -> Project:
    """Make a project with one portal, the sandbox's `north`, at `origin`."""
    base_url = f"{origin}/1/api/v1"
    portal = PortalConfig("north", base_url, "Sandbox", "US", "USA", "webshop")
    new_project(folder, [portal])
    (folder / "suppressions.csv").write_text(HEADER)
    return night_project_at(folder)


def night_project_at(folder: Path) -> Project:
    """Return the project in `folder`."""
    suppressions = str(folder / "suppressions.csv")
    return Project(folder, {"HOME": str(folder), "SUPPRESSIONS_CSV": suppressions})


def silent_portal() -> tuple[socket, str]:
    """Return a portal that accepts every request and never answers, and its origin."""
    listener = create_server(("127.0.0.1", 0))
    listener.settimeout(SECONDS)
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


def start(project: Project) -> "subprocess.Popen[str]":
    """Start a night of the portal `north` in a new process group."""
    return subprocess.Popen(
        [BIN / "sms", "nightly", "plan", "--portal", "north"],
        cwd=project.folder,
        env={**project.environment, "PATH": os.environ["PATH"]},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def record(project: Project) -> dict[str, Any]:
    """Return the last night's record."""
    return read_json(project.folder / ".nightly" / "night.json")


def summary(project: Project) -> str:
    """Return the last night's summary."""
    return (project.folder / ".nightly" / "summary.md").read_text()

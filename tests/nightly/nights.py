"""Nights in a project of their own, run as by hand."""

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
    """A project whose one portal, the sandbox's `north`, is at `origin`."""
    base_url = f"{origin}/1/api/v1"
    portal = PortalConfig("north", base_url, "Sandbox", "US", "USA", "webshop")
    new_project(folder, [portal])
    (folder / "suppressions.csv").write_text(HEADER)
    return night_project_at(folder)


def night_project_at(folder: Path) -> Project:
    """The project that is in `folder`."""
    suppressions = str(folder / "suppressions.csv")
    return Project(folder, {"HOME": str(folder), "SUPPRESSIONS_CSV": suppressions})


def silent_portal() -> tuple[socket, str]:
    """A portal that takes every request and never answers, and its origin."""
    listener = create_server(("127.0.0.1", 0))
    listener.settimeout(SECONDS)
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


def start(project: Project) -> "subprocess.Popen[str]":
    """Start a night of the portal `north` in a process group of its own."""
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
    """What the last night says of itself."""
    return read_json(project.folder / ".nightly" / "night.json")


def summary(project: Project) -> str:
    """The summary of the last night."""
    return (project.folder / ".nightly" / "summary.md").read_text()

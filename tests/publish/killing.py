"""Processes that are killed at a chosen step of their work with files.

`python killing.py` reads one JSON line for each child to make: {"step", "call",
"arguments"}. It forks the child, which is killed (SIGKILL) just before its step-th
touch of the file system, and answers the child's exit status; 0 means that the work
has fewer steps than that. Forking spares each child the imports.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import publishing

from publish.local import LocalRoot
from publish.promotion import promote
from publish.pruning import Rule, prune

TOUCHES = {
    "fcntl.flock",
    "open",
    "os.chmod",
    "os.link",
    "os.listdir",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.scandir",
    "os.symlink",
    "shutil.rmtree",
}

type Start = Callable[..., int]


def promote_run(root: str, run_id: str) -> None:
    """Promote a run over whatever is promoted."""
    folder = LocalRoot(Path(root))
    promote(folder, run_id, folder.current().version)


def build_run(root: str, run_id: str) -> None:
    """Write and promote a run."""
    os.environ["EXPORT_ROOT"] = root
    publishing.build(run_id)


def prune_runs(root: str, keep: str) -> None:
    """Remove all runs but the newest."""
    rule = Rule(int(keep), 0)
    list(prune(LocalRoot(Path(root)), rule, datetime.now(UTC), dry_run=False))


CALLS = {"promote": promote_run, "build": build_run, "prune": prune_runs}


@contextmanager
def killer() -> Iterator[Start]:
    """Give a function (step, call, *arguments) that returns the child's status."""
    command = [sys.executable, __file__]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        requests, answers = server.stdin, server.stdout

        def start(step: int, call: str, *arguments: str) -> int:
            request = {"step": step, "call": call, "arguments": arguments}
            requests.write(json.dumps(request) + "\n")
            requests.flush()
            return int(answers.readline())

        yield start
        requests.close()


def _serve() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _die_at(request["step"])
            CALLS[request["call"]](*request["arguments"])
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _die_at(step: int) -> None:
    touches = 0

    def count(event: str, _: tuple[Any, ...]) -> None:
        nonlocal touches
        if event in TOUCHES:
            touches += 1
            if touches == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


if __name__ == "__main__":
    _serve()

"""Run `dbt` and `sms` again and again, each time in a process forked from a warm one.

Each line that it reads is a request: {"command", "folder", "environment", "output"}.
The child becomes the command and writes all that it prints to the file `output`; the
answer is its exit status. Starting Python and importing dbt, which takes as long as
dbt's work in many tests, is paid for once.
"""

import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from dbt.cli.main import cli as dbt

from ops.cli import GROUPS
from ops.cli import main as sms

COMMANDS: dict[str, Callable[[], object]] = {"dbt": dbt, "sms": sms}
# Both import most of their parts only when they run.
WARM = (
    "daff",
    "dbt.adapters.duckdb.environments.local",
    "dbt.task.build",
    "dbt_common.clients.agate_helper",
    "ops.plugin",
    *(module for module, _ in GROUPS.values()),
)


def next_request() -> dict[str, Any] | None:
    """Answer requests until there are no more; return each one in a child."""
    answers = os.fdopen(os.dup(1), "w")
    while line := sys.stdin.readline():
        child = os.fork()
        if not child:
            answers.close()
            request: dict[str, Any] = json.loads(line)
            return request
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)
    return None


def become(request: dict[str, Any]) -> None:
    """Be the command, and end as its script does."""
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, descriptor in enumerate((nothing, output, output)):
        os.dup2(descriptor, number)
    sys.argv = request["command"]
    COMMANDS[sys.argv[0]]()


if __name__ == "__main__":
    for module in WARM:
        import_module(module)
    request = next_request()
    if request:
        become(request)

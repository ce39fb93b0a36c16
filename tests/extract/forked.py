"""Runs `extract` again and again, each time in a process of its own.

Reads a request a line, {"arguments", "folder", "most_disk"}: forks, has the child write
its outputs to `out` and `err` in the folder, and answers with its exit status and its
peak memory in kilobytes. The interpreter's start and the imports, most of what a small
load costs, are then paid for once.
"""

import json
import os
import resource
import sys
from typing import Any, NoReturn

import extract.cli
import extract.commands  # noqa: F401  (what the commands import when they are run)
from ops.cli import main


def become(asked: dict[str, Any]) -> NoReturn:
    """Be the command, to its end."""
    os.chdir(asked["folder"])
    for number, name in enumerate((os.devnull, "out", "err")):
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC if number else os.O_RDONLY
        os.dup2(os.open(name, flags, 0o600), number)
    resource.setrlimit(resource.RLIMIT_FSIZE, (asked["most_disk"],) * 2)
    status = 1
    try:
        sys.argv = ["sms", "extract", *asked["arguments"]]
        main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def serve() -> None:
    """Answer requests until there are no more."""
    with os.fdopen(os.dup(1), "w") as answers:
        for line in sys.stdin:
            child = os.fork()
            if not child:
                become(json.loads(line))
            _, code, used = os.wait4(child, 0)
            answer = [os.waitstatus_to_exitcode(code), used.ru_maxrss]
            print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    serve()

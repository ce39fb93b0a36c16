"""Run `sms extract` again and again, each time in a new process.

Reads one request a line (arguments, folder, outputs, environment, most_disk), as JSON:
forks, lets the child write `out` and `err` in the folder for outputs, and answers with
its exit status and its peak memory in kilobytes. So the interpreter's start and the
imports, most of the cost of a small load, are paid for once.
"""

import json
import os
import resource
import sys
from pathlib import Path
from typing import Any, NoReturn

import extract.cli
import extract.commands  # noqa: F401  (what the commands import when they are run)
from ops.cli import main


def become(asked: dict[str, Any]) -> NoReturn:
    """Become the command and run it to its end."""
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    outputs = Path(asked["outputs"])
    for number, path in enumerate((Path(os.devnull), outputs / "out", outputs / "err")):
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC if number else os.O_RDONLY
        os.dup2(os.open(path, flags, 0o600), number)
    if asked["most_disk"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (asked["most_disk"],) * 2)
    status = 1
    try:
        sys.argv = ["sms", "extract", *asked["arguments"]]
        main()
    except SystemExit as end:
        status = int(end.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def serve() -> None:
    """Answer requests until standard input ends."""
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

"""Processes that are killed at a chosen step of their work.

`python killing.py` reads one JSON line for each child to make: {"step", "call",
"arguments"}. It forks the child, which is killed (SIGKILL) just before its step-th
step, and answers the child's exit status; 0 means that the work has fewer steps than
that. Steps are touches of the file system or, where the root is in a bucket, pieces of
requests. Forking spares each child the imports.
"""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import phonenumbers  # noqa: F401 - imported late, its files would count as steps

from common.retention import Rule
from ops.forget.person import read_person
from ops.forget.places import forget_runs
from publish.promotion import load_manifest, promote
from publish.pruning import prune
from publish.refreshing import promote_without_stops, refresh
from publish.root import Root
from publish.settings import export_root
from publish.suppressions.current_list import record_current_list
from publish.suppressions.ledger import record
from tests.publish import publishing
from tests.publish.people import Person, build_people

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
METHODS = (b"GET ", b"HEAD ", b"PUT ", b"POST ", b"DELETE ")

type Start = Callable[..., int]
type IsStep = Callable[[str, tuple[Any, ...]], bool]


def root_of(address: str) -> Root:
    """Return the root at an address, and make it the one of the functions for dbt."""
    os.environ["EXPORT_ROOT"] = address
    return export_root()


def promote_run(root: str, run_id: str) -> None:
    """Promote a run over whatever is promoted."""
    place = root_of(root)
    promote(place, run_id, place.current().version)


def build_run(root: str, run_id: str) -> None:
    """Write and promote a run."""
    root_of(root)
    publishing.build(run_id)


def prune_runs(root: str, keep: str) -> None:
    """Remove all runs but the newest."""
    rule = Rule(int(keep), 0)
    list(prune(root_of(root), rule, datetime.now(UTC), dry_run=False))


def upload_file(root: str, run_id: str) -> None:
    """Write a file that goes up in parts."""
    root_of(root)
    publishing.write_file(run_id, "sandbox1/buyers.csv", "a\n" * (5 << 20), 0)


def record_list(root: str, list_file: str) -> None:
    """Record a list of opt-outs."""
    record(root_of(root), Path(list_file))


def refresh_root(root: str, _: str) -> None:
    """Leave new stops out of the promoted run."""
    refresh(root_of(root))


def build_with_list(root: str, list_file: str, run_id: str) -> None:
    """Record a list, then build and promote a run without who is on it."""
    os.environ["SUPPRESSIONS_CSV"] = list_file
    place = root_of(root)
    taken = record_current_list(place, 0)
    assert taken is not None
    facts = asdict(taken.ledger.facts())
    kept = [Person("s2", "+12065550101")]
    build_people(run_id, kept, decided=taken.ledger.suppressed, suppressions=facts)


def forget_phone(root: str, phone: str) -> None:
    """Remove the runs that name a phone."""
    person = read_person(phone, None, None)
    forget_runs(root_of(root), person, Counter(), dry_run=False)


def leave_out(root: str, run_id: str) -> None:
    """Promote a copy of a run without new stops."""
    place = root_of(root)
    manifest, _ = load_manifest(place, run_id)
    promote_without_stops(place, manifest, place.current().version)


CALLS: dict[str, Callable[..., None]] = {
    "forget": forget_phone,
    "leave out": leave_out,
    "refresh": refresh_root,
    "promote": promote_run,
    "build": build_run,
    "build with list": build_with_list,
    "prune": prune_runs,
    "record": record_list,
    "upload": upload_file,
}


@contextmanager
def killer() -> Iterator[Start]:
    """Give a function (step, call, *arguments) that returns the child's status."""
    command = [sys.executable, "-m", "tests.publish.killing"]
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
        address = request["arguments"][0]
        # boto3's client takes longer to make than to use: each child has this one.
        root_of(address)
        child = os.fork()
        if child == 0:
            _die_at(request["step"], _requests() if "://" in address else _is_touch)
            CALLS[request["call"]](*request["arguments"])
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _die_at(step: int, is_step: IsStep) -> None:
    taken = 0

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal taken
        if is_step(event, arguments):
            taken += 1
            if taken == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def _is_touch(event: str, _: tuple[Any, ...]) -> bool:
    return event in TOUCHES


def _requests() -> IsStep:
    """Take the head of each request for a step, and the first piece of its body."""
    was_head = False

    def is_step(event: str, arguments: tuple[Any, ...]) -> bool:
        nonlocal was_head
        if event != "http.client.send":
            return False
        before, was_head = was_head, arguments[1].startswith(METHODS)
        return before or was_head

    return is_step


if __name__ == "__main__":
    _serve()

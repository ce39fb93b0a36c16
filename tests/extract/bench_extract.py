"""`make bench-extract`: how close a load comes to a portal's pace, and its memory.

Prints the time of a load without its start-up against requests x latency / concurrency,
and the peak memory of loads of many jobs, of one large job, and of one whose details
come compressed and are nearly as large as they may be. All portals are processes of
their own, and so are the loads: this one stays small, for what it takes would count.
"""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.extract.fake_portal import serve
from tests.extract.faulty import write_seed
from tests.extract.loading import SMS, activity, environment

LATENCY_MS = 20
CONCURRENCY = 16
LARGE_SUBJECTS = 125_000
LARGE = "large"


@contextmanager
def portal(*command: object) -> Iterator[str]:
    """Serve a portal by a command that prints its base URL; yield the URL."""
    with subprocess.Popen(
        [*map(str, command)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def sandbox(*options: object) -> Any:
    """Serve a sandbox."""
    return portal(SMS, "extract", "sandbox", "--port", 0, *options)


@dataclass(frozen=True)
class Load:
    """The last line of a load's log, and the resources that the load used."""

    facts: dict[str, Any]
    memory_mib: float
    cpu_seconds: float

    @property
    def requests(self) -> int:
        """Return the number of requests."""
        return int(self.facts["requests"])


def load(base_url: str) -> Load:
    """Make a load."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_seed(folder, base_url)
        with (folder / "out").open("wb") as out:
            process = subprocess.Popen(
                [
                    SMS,
                    "extract",
                    "load",
                    "--rate",
                    "0",
                    "--concurrency",
                    str(CONCURRENCY),
                ],
                cwd=folder,
                env=environment(PORTAL_USERNAME="sandbox", PORTAL_PASSWORD="sandbox"),
                stdout=out,
            )
            _, code, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(code)
        if process.returncode:
            sys.exit(process.returncode)
        last = (folder / "out").read_text().splitlines()[-1]
        cpu = used.ru_utime + used.ru_stime
        return Load(json.loads(last), used.ru_maxrss / 1024, cpu)


def serve_large() -> None:
    """Serve one job whose details are large, and compressed, until stdin ends."""
    from aiohttp import web  # noqa: PLC0415  (the other process is to stay small)

    note = "x" * 1900
    subjects = {f"s{n}": {"uuid": f"s{n}", "note": note} for n in range(LARGE_SUBJECTS)}
    details = json.dumps({"uuid": "j1", "subjects": subjects}).encode()
    body = gzip.compress(details, 1)

    async def answer(_: object) -> web.Response:
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    routes = {
        "/activities/search": [activity("a1", "j1")],
        "/jobs/j1": answer,
        "/jobs/j1/subjects": [],
        "/jobs/j1/users": [],
    }
    with serve(routes) as large:
        say(large.base_url)
        sys.stdin.read()


def say(line: str) -> None:
    """Print a line."""
    print(line, flush=True)  # noqa: T201


def main() -> None:
    """Measure each, and print a line for it."""
    size = ("--jobs", 20, "--subjects", 100)
    with sandbox(*size, "--latency-ms", LATENCY_MS) as url:
        paced = load(url)
    seconds = paced.facts["seconds"]
    ideal = paced.requests * LATENCY_MS / 1000 / CONCURRENCY
    say(
        f"pace: {paced.requests:,} requests in {seconds:.2f} s, "
        f"{seconds / ideal:.2f} times requests x {LATENCY_MS} ms / {CONCURRENCY}; "
        f"{paced.cpu_seconds:.2f} s of CPU, start-up and all"
    )
    portals = {
        "1,000 jobs of 10 subjects": sandbox("--jobs", 1000, "--subjects", 10),
        "details of 240 MiB": portal(
            sys.executable, "-m", "tests.extract.bench_extract", LARGE
        ),
        "one job of 50,000 subjects": sandbox("--jobs", 1, "--subjects", 50_000),
    }
    for name, served in portals.items():
        with served as url:
            made = load(url)
        say(f"memory: {made.memory_mib:.0f} MiB for {name}, {made.requests:,} requests")


if __name__ == "__main__":
    if sys.argv[1:] == [LARGE]:
        serve_large()
    else:
        main()

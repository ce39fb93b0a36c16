"""`make bench`: a build beside the floor (tests/bench/floor.py), size by size.

Each runs as a process of its own, one after the other, on a landing that is written
for it and removed. CPU seconds are the measure where the machine does other work too.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import click

from tests.bench.landings import write_landing

SIZES = (10_000, 100_000, 1_000_000)
SLOWEST = 10
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Used:
    """What a process took."""

    seconds: float
    cpu_seconds: float
    memory_mb: int


@dataclass(frozen=True)
class Measured:
    """A size: what the floor and the build took."""

    subjects: int
    floor: Used
    build: Used
    database_mb: int
    nodes: int
    slowest: dict[str, float]

    @property
    def ratio(self) -> float:
        """Return how many times the floor's CPU seconds the build takes."""
        return self.build.cpu_seconds / self.floor.cpu_seconds


def measure(subjects: int, folder: Path, target: Path) -> Measured:
    """Write a landing into a folder, then run the floor and the build on it."""
    landing, database = folder / "landing", folder / "bench.duckdb"
    write_landing(landing, subjects)
    floor = run([sys.executable, "-m", "tests.bench.floor", landing, folder], {})
    build = run(
        [BIN / "dbt", "--quiet", "build", "--target-path", target],
        {
            "LANDING_DIR": landing,
            "DUCKDB_PATH": database,
            "EXPORT_ROOT": folder / "exports",
            "DBT_LOG_PATH": folder,
        },
    )
    results = json.loads((target / "run_results.json").read_text())["results"]
    times = {r["unique_id"].split(".")[2]: r["execution_time"] for r in results}
    slowest = sorted(times, key=times.__getitem__, reverse=True)[:SLOWEST]
    return Measured(
        subjects=subjects,
        floor=floor,
        build=build,
        database_mb=database.stat().st_size >> 20,
        nodes=len(results),
        slowest={name: round(times[name], 2) for name in slowest},
    )


def run(command: Sequence[str | Path], environment: Mapping[str, Path]) -> Used:
    """Run a command and return what it took; fail if it fails."""
    began = perf_counter()
    process = subprocess.Popen(
        command,
        env=dict(os.environ)
        | {name: str(value) for name, value in environment.items()},
    )
    _, code, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(code)
    if process.returncode:
        raise SystemExit(f"{command[0]}: exit {process.returncode}")
    return Used(
        seconds=round(perf_counter() - began, 2),
        cpu_seconds=round(used.ru_utime + used.ru_stime, 2),
        memory_mb=used.ru_maxrss >> 10,
    )


def lines(all_measured: Sequence[Measured]) -> list[str]:
    """Return what is printed."""
    printed = [
        "| subjects | floor | | build | | times the floor | peak memory | database |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| | wall s | CPU s | wall s | CPU s | by CPU | MB | MB |",
    ]
    for size in all_measured:
        printed.append(
            f"| {size.subjects:,} | {size.floor.seconds:.1f} |"
            f" {size.floor.cpu_seconds:.1f} | {size.build.seconds:.1f} |"
            f" {size.build.cpu_seconds:.1f} | {size.ratio:.1f} |"
            f" {size.build.memory_mb:,} | {size.database_mb:,} |"
        )
    printed.append("")
    for less, more in pairwise(all_measured):
        growth = more.build.cpu_seconds / less.build.cpu_seconds
        printed.append(
            f"{less.subjects:,} to {more.subjects:,} subjects: {growth:.1f} times the"
            " CPU seconds"
        )
    last = all_measured[-1]
    printed += ["", f"Slowest of {last.nodes} nodes at {last.subjects:,} (wall s):"]
    printed += [f"{seconds:8.2f}  {name}" for name, seconds in last.slowest.items()]
    return printed


@click.command(help=__doc__)
@click.argument("sizes", type=int, nargs=-1)
@click.option("--json", "json_path", type=click.Path(path_type=Path))
@click.option("--folder", help="Where to write, instead of the system's folder.")
def main(sizes: tuple[int, ...], json_path: Path | None, folder: str | None) -> None:
    """Measure each size, and print."""
    all_measured = []
    with TemporaryDirectory(dir=folder) as target:
        # A build is measured warm: dbt keeps what it has parsed.
        run([BIN / "dbt", "--quiet", "parse", "--target-path", target], {})
        for subjects in sizes or SIZES:
            click.echo(f"Measuring {subjects:,} subjects", err=True)
            with TemporaryDirectory(dir=folder) as place:
                all_measured.append(measure(subjects, Path(place), Path(target)))
    click.echo("\n".join(lines(all_measured)))
    if json_path:
        document = [asdict(size) | {"ratio": size.ratio} for size in all_measured]
        json_path.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""What `make bench` writes and prints; how long a build takes is not tested."""

import sys
from pathlib import Path

import duckdb
import pytest

from tests.bench.bench_build import Measured, Used, lines, run
from tests.bench.landings import PORTAL, ROWS, columns, write_landing

PROJECT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def in_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)


def test_a_landing_has_the_files_that_models_read(tmp_path: Path) -> None:
    write_landing(tmp_path, 1_001)
    files = tmp_path / "current" / f"portal={PORTAL}"
    assert {file.stem for file in files.iterdir()} == ROWS.keys()
    for entity, types in columns().items():
        if entity in ROWS:
            path = files / f"{entity}.parquet"
            with duckdb.connect() as connection:
                connection.execute(f"create table expected ({types})")
                expected = connection.table("expected")
                landed = connection.read_parquet(str(path))
                assert landed.columns == expected.columns
                assert landed.types == expected.types
                assert landed.count("*").fetchall() != [(0,)]


def test_two_landings_of_a_size_are_alike(tmp_path: Path) -> None:
    contents = []
    for name in ("a", "b"):
        write_landing(tmp_path / name, 500)
        files = sorted((tmp_path / name / "current").rglob("*.*"))
        contents.append([file.read_bytes() for file in files])
    assert contents[0] == contents[1]


def test_ratio_and_growth_are_of_cpu_seconds() -> None:
    sizes = [
        Measured(
            subjects=subjects,
            floor=Used(seconds=2.0, cpu_seconds=4.0, memory_mb=500),
            build=Used(seconds=20.0, cpu_seconds=cpu_seconds, memory_mb=1500),
            database_mb=1200,
            nodes=2,
            slowest={"int_subjects": 3.25, "int_portals": 0.01},
        )
        for subjects, cpu_seconds in ((1_000, 10.0), (10_000, 30.0))
    ]
    printed = lines(sizes)
    assert "| 10,000 | 2.0 | 4.0 | 20.0 | 30.0 | 7.5 | 1,500 | 1,200 |" in printed
    assert "1,000 to 10,000 subjects: 3.0 times the CPU seconds" in printed
    assert printed[-2:] == ["    3.25  int_subjects", "    0.01  int_portals"]


def test_a_command_that_fails_ends_it() -> None:
    with pytest.raises(SystemExit, match="exit 3"):
        run([sys.executable, "-c", "raise SystemExit(3)"], {})
    used = run([sys.executable, "-c", ""], {})
    assert used.cpu_seconds > 0
    assert used.memory_mb > 0

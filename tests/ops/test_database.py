"""The memory that DuckDB takes, and what it writes beside the database."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from common.errors import ConfigError, StorageError
from ops.build.database import (
    DEFAULT_LIMIT,
    MEMORY_LIMIT,
    check_database,
    limit_memory,
)

SET = "select parse_formatted_bytes(current_setting('memory_limit'))"


def test_the_default_is_the_limit_that_a_million_subjects_need() -> None:
    with duckdb.connect() as connection:
        limit_memory(connection)
        [(limit,)] = connection.execute(SET).fetchall()
    assert limit == pytest.approx(DEFAULT_LIMIT, rel=0.01)


def test_a_smaller_machine_keeps_duckdbs_own_limit() -> None:
    with duckdb.connect(config={"memory_limit": "200MB"}) as connection:
        before = connection.execute(SET).fetchall()
        limit_memory(connection)
        [(limit,)] = connection.execute(SET).fetchall()
    assert limit == pytest.approx(before[0][0], rel=0.01)


def test_the_variable_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MEMORY_LIMIT, "6GB")
    with duckdb.connect() as connection:
        limit_memory(connection)
        [(limit,)] = connection.execute(SET).fetchall()
    assert limit == pytest.approx(6e9, rel=0.02)


@pytest.mark.parametrize("size", ["much", "6", "'"])
def test_a_wrong_size_is_a_line(monkeypatch: pytest.MonkeyPatch, size: str) -> None:
    monkeypatch.setenv(MEMORY_LIMIT, size)
    with (
        duckdb.connect() as connection,
        pytest.raises(ConfigError, match=r"^DUCKDB_MEMORY_LIMIT must be a size"),
    ):
        limit_memory(connection)


@pytest.mark.parametrize("is_new", [True, False])
def test_what_a_killed_build_spilled_is_removed(tmp_path: Path, is_new: bool) -> None:
    path = tmp_path / "x.duckdb"
    if not is_new:
        path.touch()
    spilled = tmp_path / "x.duckdb.tmp"
    spilled.mkdir()
    (spilled / "duckdb_temp_1_0_storage_DEFAULT-0.tmp").write_text("someone")
    check_database(str(path))
    assert not spilled.exists()


def test_what_another_build_spills_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.duckdb"
    spilled = tmp_path / "x.duckdb.tmp"
    code = (
        "import duckdb, sys; held = duckdb.connect(sys.argv[1]);"
        " print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout
        assert other.stdin
        other.stdout.readline()
        spilled.mkdir()
        with pytest.raises(StorageError, match="another process"):
            check_database(str(path))
        assert spilled.exists()
        other.stdin.close()

"""The SQL functions, on a connection."""

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from common.locks import alone
from ops.plugin import Plugin
from publish.run import export_begin, export_finish
from tests.publish.publishing import RUN_A, facts, publish

BUYERS = "sandbox1/buyers.csv"


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    umask = os.umask(0o022)
    with duckdb.connect() as connection:
        Plugin("publish", {}).configure_connection(connection)
        yield connection
    os.umask(umask)


def test_phones_and_case_folding(connection: duckdb.DuckDBPyConnection) -> None:
    rows = connection.execute("""
        select textable_phone(t, 'US'), case_fold(t)
        from (values ('202-555-0123'), ('Straße'), ('\x00'), (''), (null)) as v (t)
    """).fetchall()
    assert rows == [
        ("+12025550123", "202-555-0123"),
        (None, "strasse"),
        (None, "\x00"),
        (None, ""),
        (None, None),
    ]
    alone = "select textable_phone('202-555-0123', null), case_fold(null)"
    assert connection.execute(alone).fetchall() == [(None, None)]


def test_ten_thousand_rows_of_dirt(connection: duckdb.DuckDBPyConnection) -> None:
    count = connection.execute("""
        select count(textable_phone(chr(1) || '202-555-0' || (100 + i % 100), 'US')),
            count(textable_phone(repeat('x', 10000 - i) || i, 'US'))
        from range(10000) as t (i)
    """).fetchall()
    assert count == [(10_000, 0)]


def test_cursors_in_threads_have_the_functions(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    answers: list[object] = []

    def ask() -> None:
        cursor = connection.cursor()
        answers.extend(cursor.execute("select case_fold('A')").fetchall())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [("a",)] * 4


def test_a_run_is_written_from_sql(
    root: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    given = facts(RUN_A, rows=2)
    export_begin()
    for file in given["files"]:
        rows = file["rows"]
        path = _value(
            connection, f"select export_staging_path('{RUN_A}', '{file['path']}')"
        )
        connection.execute(
            f"copy (select i as a, 'x,\ny' as b from range({rows}) as t (i))"
            f" to '{path}' (format csv, header true)"
        )
        write = f"select export_write('{RUN_A}', '{file['path']}', '{rows}')"
        connection.execute(f"explain {write}")
        assert Path(path).exists()
        assert len(_value(connection, write)) == 64
    assert json.loads(export_finish(json.dumps(given)))["promoted"]
    assert publish("verify").returncode == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("export_staging_path(null, 'exclusions.csv')", "an argument is null"),
        (f"export_write('{RUN_A}', '{BUYERS}', null)", "an argument is null"),
        ("build_end(null)", "an argument is null"),
        (f"export_write('{RUN_A}', '{BUYERS}', '-1')", "rows must be a whole number"),
        (f"export_write('{RUN_A}', '{BUYERS}', '\u0661')", "rows must be a whole"),
        (f"export_staging_path('{RUN_A}', '../x')", "'../x' is not a file of a run"),
        (f"export_write('{RUN_A}', '{BUYERS}', '1')", "buyers.csv: No such file"),
    ],
)
def test_an_error_is_one_line(
    root: Path, connection: duckdb.DuckDBPyConnection, call: str, message: str
) -> None:
    with pytest.raises(duckdb.Error) as error:
        connection.execute(f"select {call}").fetchall()
    assert len(str(error.value).splitlines()) == 1
    assert message in str(error.value)
    assert not root.exists()


def _value(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    value: str = connection.execute(query).fetchall()[0][0]
    return value


def test_a_load_is_held_until_another_is(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    folders = [tmp_path / "loads" / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir(parents=True)
    held = []
    for folder in folders:
        _point_to(tmp_path, folder.name)
        row = connection.execute("select landing_open(?)", [str(tmp_path)]).fetchone()
        assert row == (str(folder),)
        with alone(folders[0]) as first, alone(folders[1]) as second:
            held.append((not first, not second))
    assert held == [(True, False), (False, True)]
    _point_to(tmp_path, "c")
    with pytest.raises(duckdb.Error, match=r"load c: is not in .*loads any more"):
        connection.execute("select landing_open(?)", [str(tmp_path)])


def _point_to(landing: Path, load_id: str) -> None:
    (landing / "current").mkdir(exist_ok=True)
    description = json.dumps({"load_id": load_id})
    (landing / "current" / "load.json").write_text(description)

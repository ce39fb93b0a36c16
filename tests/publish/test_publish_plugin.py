"""The SQL functions, on a connection and in a dbt project of their own."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from common.locks import alone
from ops.plugin import Plugin
from tests.publish.publishing import RUN_A, RUN_B, facts, publish

BUYERS = "sandbox1/buyers.csv"
REPORT = json.dumps(
    {
        "run_id": RUN_A,
        "load_id": "load",
        "code_version": "0.1.0",
        "obstacle": "",
        "variables": {},
        "left_out": 0,
        "results": [],
    }
)


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
    assert _value(connection, "select export_begin()") == ""
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
    finish = "select export_finish($1, $2)"
    answer = connection.execute(finish, [json.dumps(given), REPORT]).fetchall()[0][0]
    assert json.loads(answer)["promoted"]
    assert publish("verify").returncode == 0
    assert len(_value(connection, "select export_begin()")) == 64
    assert len(_value(connection, "select export_code_version()")) > 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("export_staging_path(null, 'exclusions.csv')", "an argument is null"),
        (f"export_write('{RUN_A}', '{BUYERS}', null)", "an argument is null"),
        (f"export_finish(null, '{REPORT}')", "an argument is null"),
        (f"export_write('{RUN_A}', '{BUYERS}', '-1')", "rows must be a whole number"),
        (f"export_write('{RUN_A}', '{BUYERS}', '\u0661')", "rows must be a whole"),
        (f"export_staging_path('{RUN_A}', '../x')", "'../x' is not a file of a run"),
        (f"export_write('{RUN_A}', '{BUYERS}', '1')", "buyers.csv: No such file"),
        (f"export_finish('[]', '{REPORT}')", "run_json: is no JSON object"),
        ("export_finish('{}', '[]')", "report_json: is no JSON object"),
        ("export_report('{}')", "report_json: run_id must be text"),
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


PROJECT = {
    "dbt_project.yml": """
name: small
profile: small
flags: {send_anonymous_usage_stats: false}
on-run-start: "{% if execute %}{% do run_query('select export_begin()') %}{% endif %}"
on-run-end: "{{ finish() }}"
""",
    "profiles.yml": """
small:
  target: local
  outputs:
    local:
      type: duckdb
      path: small.duckdb
      threads: 2
      plugins: [{module: ops.plugin}]
""",
    "models/phones.sql": """
{{ config(materialized='table') }}
select i, textable_phone('202-555-010' || i, 'US') as phone from range(3) as t (i)
""",
    "models/buyers.sql": """
{{ config(materialized='table', post_hook="{{ export('buyers') }}") }}
select * from {{ ref('phones') }}
""",
    "models/non_buyers.sql": """
{{ config(materialized='table', post_hook="{{ export('non_buyers') }}") }}
select * from {{ ref('phones') }} where i < 2
""",
    "macros/export.sql": """
{% macro export(audience) %}
{% if execute %}
{% set file = "'" ~ var('run_id') ~ "', 'sandbox1/" ~ audience ~ ".csv'" %}
{% set path = run_query('select export_staging_path(' ~ file ~ ')').rows[0][0] %}
{% do run_query('copy (from ' ~ this ~ " order by i) to '" ~ path ~ "' (header)") %}
{% set rows = run_query('select count(*) from ' ~ this).rows[0][0] %}
{% do run_query('select export_write(' ~ file ~ ", '" ~ rows ~ "')") %}
{% endif %}
{% endmacro %}

{% macro finish() %}
{% if execute %}
{% set facts = {
    'run_id': var('run_id'), 'load_id': 'load', 'as_of': '2025-01-01T00:00:00Z',
    'variables': {}, 'promote': true,
    'files': [
        {'path': 'sandbox1/buyers.csv', 'rows': var('buyers')},
        {'path': 'sandbox1/non_buyers.csv', 'rows': 2},
    ],
    'counts': [
        {'portal': 'sandbox1', 'audience': 'buyers', 'candidates': var('buyers'),
         'exported': var('buyers'), 'excluded': {}},
        {'portal': 'sandbox1', 'audience': 'non_buyers', 'candidates': 3,
         'exported': 2, 'excluded': {'duplicate': 1}},
    ],
} %}
{% set report = {
    'run_id': var('run_id'), 'load_id': 'load', 'code_version': '0.1.0',
    'obstacle': '', 'variables': {}, 'left_out': 0, 'results': [],
} %}
select export_finish('{{ tojson(facts) }}', '{{ tojson(report) }}')
{% endif %}
{% endmacro %}
""",
}


def test_a_dbt_build_publishes(root: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    for name, text in PROJECT.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)

    done = _dbt_build(project, RUN_A, buyers=3)
    assert done.returncode == 0, done.stdout
    rows = "".join(f"{i},+1202555010{i}\n" for i in range(3))
    assert (root / "latest" / BUYERS).read_text() == "i,phone\n" + rows
    assert publish("verify").returncode == 0
    # There is no load for a report to tell of: the run is promoted all the same.
    assert f"Run {RUN_A} has no report: CatalogException" in done.stdout
    _assert_private(project / "small.duckdb")
    _assert_private(project / "logs" / "dbt.log")
    _assert_private(project / "target" / "run_results.json")

    # A database that others could read is taken back; a run that is wrong stays out.
    (project / "small.duckdb").chmod(0o644)
    failed = _dbt_build(project, RUN_B, buyers=4)
    assert failed.returncode == 1
    message = f"ContractError: run {RUN_B}: sandbox1/buyers.csv: written with 3 rows"
    assert message in failed.stdout
    assert "Traceback" not in failed.stdout + failed.stderr
    assert "/publish/" not in failed.stdout + failed.stderr
    _assert_private(project / "small.duckdb")
    assert (root / "latest").readlink().name == RUN_A


def _dbt_build(
    project: Path, run_id: str, buyers: int
) -> subprocess.CompletedProcess[str]:
    variables = json.dumps({"run_id": run_id, "buyers": buyers})
    dbt = Path(sys.executable).with_name("dbt")
    return subprocess.run(
        [dbt, "--no-use-colors", "build", "--vars", variables],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def _assert_private(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600


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
        arguments = [str(tmp_path), folder.name]
        row = connection.execute("select landing_hold(?, ?)", arguments).fetchone()
        assert row == (str(folder),)
        with alone(folders[0]) as first, alone(folders[1]) as second:
            held.append((not first, not second))
    assert held == [(True, False), (False, True)]
    with pytest.raises(duckdb.Error, match=r"load c: is not in .*loads any more"):
        connection.execute("select landing_hold(?, 'c')", [str(tmp_path)])

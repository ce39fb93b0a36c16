"""What a build takes at its start: the ledger and the list. No dbt runs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from common.errors import ConfigError, ContractError, StorageError
from ops.build import hooks, suppressions
from ops.build.hooks import take_suppressions
from ops.build.invocation import Invocation, read_invocation
from publish.local import LocalRoot
from publish.root import Root
from publish.suppressions import current_list, ledger
from publish.suppressions.ledger import copy_segments, read_ledger
from tests.ops.test_build import DEFAULTS
from tests.publish.people import build_people
from tests.publish.publishing import RUN_A, RUN_B
from tests.roots import KINDS, use_root

HEADER = "channel,address,suppressed_at,reason\n"
A = "+12065550126"
B = "+12065550127"
AT = "2025-01-31T12:00:00Z"


@pytest.fixture
def data() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture(autouse=True, params=KINDS)
def root(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Root:
    return use_root(request, tmp_path, monkeypatch, request.param)


def invocation_json(command: str = "build", **variables: Any) -> str:
    return json.dumps(
        {
            "run_id": "run",
            "command": command,
            "environment": "dev",
            "is_partial": False,
            "given": [],
            "variables": yaml.safe_dump({**DEFAULTS, **variables}),
            "contracts": [],
            "selected": [],
            "results": [],
        }
    )


def invocation(**variables: Any) -> Invocation:
    return read_invocation(invocation_json(**variables))


def give(monkeypatch: pytest.MonkeyPatch, folder: Path, *phones: str) -> Path:
    path = folder / "stop.csv"
    path.write_text(HEADER + "".join(f"sms,{phone},{AT},STOP\n" for phone in phones))
    monkeypatch.setenv("SUPPRESSIONS_CSV", str(path))
    return path


def taken(data: duckdb.DuckDBPyConnection) -> set[str]:
    rows = data.execute("select address from landing.suppressions").fetchall()
    return {address for (address,) in rows if address.startswith("+1")}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        ("suppressed\n", "its header is not of a known format: csv ("),
        ("CHANNEL,a@example.com,2026-01-01,x\n", "line 3: its channel is neither sms"),
        ("sms,,2026-01-01,x\n", "line 3: its address is empty"),
        ("sms,202-555-0123,last week,x\n", "line 3: its suppressed_at cannot be read"),
        ("sms,202-555-0123\n", "line 3: it has 2 fields, not 4"),
        ('sms,"202-555-0123,2026-01-01,x\n', "line 3: its quotes do not close"),
    ],
)
def test_a_malformed_list_is_an_error_that_quotes_no_address(
    data: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: str | None,
    message: str,
) -> None:
    path = tmp_path / "stop.csv"
    if content is not None:
        good = f"{HEADER}email,b@example.com,2026-01-01,\n"
        path.write_text(good + content if "," in content else content)
    monkeypatch.setenv("SUPPRESSIONS_CSV", str(path))
    with pytest.raises((ConfigError, ContractError)) as error:
        suppressions.take(data, invocation())
    assert message in str(error.value)
    assert "555-0123" not in str(error.value)


def test_what_a_list_had_holds_without_it(
    data: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, tmp_path, f"{A[1:]}.0")
    found = suppressions.take(data, invocation())
    assert taken(data) == {A}
    assert found.facts.listed is not None
    assert found.facts.listed.repaired == 1
    assert "1 phone repaired" in found.text

    give(monkeypatch, tmp_path)
    found = suppressions.take(data, invocation())
    assert taken(data) == {A}
    assert found.facts.listed is not None
    assert (found.facts.listed.added, found.facts.listed.gone) == (0, 1)

    monkeypatch.delenv("SUPPRESSIONS_CSV")
    found = suppressions.take(data, invocation())
    assert taken(data) == {A}
    assert found.text == "No list; the ledger holds 1 suppression."
    assert not found.is_missing


def test_a_root_with_neither_says_so(data: duckdb.DuckDBPyConnection) -> None:
    found = suppressions.take(data, invocation())
    assert found.is_missing
    assert found.text.startswith("NO SUPPRESSIONS: SUPPRESSIONS_CSV is not set")
    assert taken(data) == set()


@pytest.mark.parametrize(("phones", "begins"), [((), "red NO"), ((A,), "Suppressions")])
def test_a_build_with_neither_says_so_in_red(
    data: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    phones: tuple[str, ...],
    begins: str,
) -> None:
    said: list[str] = []
    monkeypatch.setattr(hooks, "red", lambda text: f"red {text}")
    monkeypatch.setattr(hooks, "_say", said.append)
    if phones:
        give(monkeypatch, tmp_path, *phones)
    hooks.take_suppressions(data, invocation_json())
    assert [text.startswith(begins) for text in said] == [True]


def test_unreadable_lines_stop_after_the_others_are_recorded(
    data: duckdb.DuckDBPyConnection,
    root: Root,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    give(monkeypatch, tmp_path, A, "1.20656E+10", B)
    with pytest.raises(ConfigError, match=r"1 of 3 lines .* line 3: ") as error:
        suppressions.take(data, invocation())
    assert "20656" not in str(error.value)
    assert {("sms", A), ("sms", B)} <= read_ledger(root).suppressed.keys()
    # A wrong value of the variable allows nothing.
    with pytest.raises(ConfigError):
        suppressions.take(data, invocation(allow_unreadable=-5))
    found = suppressions.take(data, invocation(allow_unreadable=1))
    assert found.facts.listed is not None
    assert found.facts.listed.unreadable == 1
    assert "UNREADABLE, and allowed: line 3: " in found.text


@pytest.mark.parametrize("command", ["build", "run", "retry"])
def test_a_command_that_writes_files_records(
    data: duckdb.DuckDBPyConnection,
    root: Root,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    give(monkeypatch, tmp_path, A)
    take_suppressions(data, invocation_json(command, promote=False))
    assert ("sms", A) in read_ledger(root).suppressed


@pytest.mark.parametrize("command", ["test", "parse", "show"])
def test_other_commands_record_nothing(
    data: duckdb.DuckDBPyConnection,
    root: Root,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    give(monkeypatch, tmp_path, A)
    take_suppressions(data, invocation_json(command))
    assert read_ledger(root).segments == ()


@pytest.mark.parametrize("root", ["folder"], indirect=True)
def test_a_segment_that_the_promoted_run_names_must_be_there(
    data: duckdb.DuckDBPyConnection,
    root: LocalRoot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    give(monkeypatch, tmp_path, A)
    facts = suppressions.take(data, invocation()).facts
    said = json.loads(json.dumps(facts, default=vars))
    build_people(RUN_A, [], suppressions=said)
    (segment,) = facts.segments
    path = root.folder / "suppressions" / segment
    content = path.read_bytes()
    path.unlink()
    with pytest.raises(ContractError, match="is missing"):
        suppressions.take(data, invocation())
    monkeypatch.delenv("SUPPRESSIONS_CSV")
    with pytest.raises(ContractError, match="is missing"):
        suppressions.take(data, invocation())
    path.write_bytes(content[:-1])
    with pytest.raises(ContractError, match="not a whole segment"):
        suppressions.take(data, invocation())


def test_a_second_build_with_the_first_one_s_ledger_is_the_same(
    data: duckdb.DuckDBPyConnection,
    root: Root,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    give(monkeypatch, tmp_path, A)
    suppressions.take(data, invocation())
    # Phones without a time are dated when they are recorded.
    undated = tmp_path / "phones.txt"
    undated.write_text(f"{B}\n")
    monkeypatch.setenv("SUPPRESSIONS_CSV", str(undated))
    first = suppressions.take(data, invocation()).facts
    copy_segments(root, first.segments, tmp_path / "again")
    monkeypatch.setenv("EXPORT_ROOT", str(tmp_path / "again"))
    second = suppressions.take(data, invocation()).facts
    assert second.segments == first.segments
    assert second.digest == first.digest


def test_a_build_reads_a_list_again_only_if_it_has_changed(
    data: duckdb.DuckDBPyConnection,
    root: Root,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = give(monkeypatch, tmp_path, A)
    facts = suppressions.take(data, invocation()).facts
    said = json.loads(json.dumps(facts, default=vars))
    recorded = []
    record = ledger.record

    def noted(*arguments: Any, **more: Any) -> Any:
        recorded.append(arguments)
        return record(*arguments, **more)

    monkeypatch.setattr(current_list, "record", noted)
    build_people(RUN_A, [], suppressions=said)
    assert recorded == []
    path.write_text(path.read_text() + f"sms,{B},{AT},STOP\n")
    build_people(RUN_B, [], suppressions=said)
    assert len(recorded) == 1
    assert ("sms", B) in read_ledger(root).suppressed


def test_a_load_that_is_gone_at_the_end_of_a_build_is_one_line(
    data: duckdb.DuckDBPyConnection,
) -> None:
    data.execute("create schema run")
    data.execute("create table run.build (obstacle varchar)")
    failed = {"id": "m", "name": "m", "kind": "model", "status": "error"}
    ended = json.loads(invocation_json())
    ended["results"] = [{**failed, "failures": None}]
    with pytest.raises(StorageError, match="the load that was built cannot be read"):
        hooks.end(data, json.dumps(ended))

"""The command `sms suppressions`."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from common.errors import CommandError
from publish.root import Root
from publish.suppressions.cli import cli
from tests.suppressions.conftest import SAMPLES
from tests.suppressions.writing import HEADER, A, B, listed, row

D = "+12065550150"
NOON = "2025-01-31T12:00:00Z"


def run(*arguments: str) -> str:
    done = CliRunner().invoke(cli, arguments, catch_exceptions=True)
    if isinstance(done.exception, CommandError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def run_json(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json"))


def test_a_list_is_added_counted_and_shown(root: Root) -> None:
    del root
    added = run_json("add", str(SAMPLES / "csv.csv"))
    assert added == {
        "format": "csv",
        "source": "csv csv.csv",
        "rows": 5,
        "entries": 5,
        "added": 5,
        "known": 0,
        "repaired": 0,
        "rejected_emails": 1,
        "unreadable": 0,
        "unreadable_lines": [],
        "suppressed": 3,
    }
    counted = run_json("list")
    assert (counted["segments"], counted["entries"]) == (1, 5)
    assert counted["suppressed"] == {"sms": 2, "email": 1}
    assert len(counted["digest"]) == 64
    assert {
        "channel": "sms",
        "source": "csv csv.csv",
        "month": "2025-03",
        "stop": 0,
        "start": 1,
        "withdraw": 0,
    } in counted["counts"]
    assert "csv csv.csv" in run("list")


def test_an_address_is_masked_unless_it_is_asked_for(folder: Root) -> None:
    del folder
    run("add", str(SAMPLES / "csv.csv"))
    for arguments in (("show", "--phone", A), ("show", "--phone", A, "--json")):
        assert A not in run(*arguments)
        assert "+1********00" in run(*arguments)
        assert "asked again" not in run(*arguments)
        assert A in run(*arguments, "--show")
        assert "asked again" in run(*arguments, "--show")
    email = "pat.doe@example.com"
    assert run("show", "--email", email).startswith("p***@***: suppressed since 2025-")


def test_a_history_says_what_was_taken_back(folder: Root) -> None:
    del folder
    run("add", str(SAMPLES / "csv.csv"))
    assert run_json("show", "--phone", A)["suppressed_at"] is None
    done = run_json(
        "withdraw", "--phone", A, "--at", "2025-03-01T00:00:00Z", "--reason", "slip"
    )
    assert done == {"withdrawn": 1, "still_suppressed": 1}
    history = run_json("show", "--phone", A)
    assert history["suppressed_at"] == NOON
    found = [(entry["action"], entry["withdrawn"]) for entry in history["entries"]]
    assert found == [("stop", False), ("start", True), ("withdraw", False)]
    assert "taken back" in run("show", "--phone", A)
    assert run("withdraw", "--source", "csv csv.csv", "--reason", "x").startswith("4 ")
    assert run_json("list")["suppressed"] == {"sms": 0, "email": 0}


def test_unreadable_lines_end_the_command_unless_they_are_allowed(
    folder: Root, tmp_path: Path
) -> None:
    del folder
    path = str(listed(tmp_path, HEADER + row("5550126", NOON) + row(B, NOON)))
    with pytest.raises(CommandError) as error:
        run("add", path)
    assert error.value.exit_code == 2
    assert "line 2" in str(error.value)
    assert run_json("show", "--phone", B)["suppressed_at"] == NOON
    printed = run("add", path, "--allow-unreadable", "1")
    assert "Not recorded: line 2: its phone is not a possible number" in printed
    assert run_json("add", path, "--allow-unreadable", "1")["unreadable_lines"] == [
        {"line": 2, "reason": "its phone is not a possible number"}
    ]


def test_a_format_can_be_asked_for(folder: Root, tmp_path: Path) -> None:
    del folder
    path = listed(tmp_path, f"{A}\n{B}\n", "stops")
    assert run_json("add", str(path), "--format", "phones")["source"] == "phones stops"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("show",), 2),
        (("show", "--phone", A, "--email", "a@b.co"), 2),
        (("show", "--phone", "2065550100"), 2),
        (("show", "--phone", "+1"), 2),
        (("show", "--email", "a@b"), 2),
        (("show", "--phone", D), 1),
        (("withdraw", "--reason", "x"), 2),
        (("withdraw", "--source", "x", "--phone", A, "--reason", "x"), 2),
        (("withdraw", "--source", "x", "--at", NOON, "--reason", "x"), 2),
        (("withdraw", "--source", "x", "--reason", "x"), 1),
        (("withdraw", "--phone", A, "--at", "noon", "--reason", "x"), 2),
        (("withdraw", "--phone", A, "--reason", " "), 2),
        (("withdraw", "--phone", D, "--reason", "x"), 1),
        (("add", "missing.csv"), 2),
    ],
)
def test_a_mistake_has_its_exit_code_and_shows_no_address(
    folder: Root, arguments: tuple[str, ...], code: int
) -> None:
    del folder
    run("add", str(SAMPLES / "postscript.csv"))
    with pytest.raises(CommandError) as error:
        run(*arguments)
    assert error.value.exit_code == code
    assert "555" not in str(error.value)

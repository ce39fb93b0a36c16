"""The command `sms`: help, versions, completion, errors and exit codes."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import click
import pytest

from common import errors
from ops.cli import GROUPS, cli

SMS = Path(sys.executable).with_name("sms")
HEAVY = {"aiohttp", "boto3", "dbt", "duckdb", "httpx", "numpy", "phonenumbers", "rich"}
# Prints the modules that one command imports.
IMPORTS = """
import sys
from ops.cli import cli
try:
    cli(sys.argv[1:], prog_name="sms")
finally:
    print(*sys.modules, file=sys.stderr)
"""
SUBCOMMANDS = [
    (group, command)
    for group, (module, _) in GROUPS.items()
    for command in getattr(import_module(module).cli, "commands", ())
]


def sms(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `sms`."""
    return subprocess.run(
        [SMS, *arguments],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def imports(*arguments: str) -> tuple[str, set[str]]:
    """Return what a command prints, and the modules it imports."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout, set(done.stderr.split())


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_imports_no_group(option: str) -> None:
    printed, modules = imports(option)
    assert printed.startswith("Usage: sms ")
    for name, (module, line) in GROUPS.items():
        assert re.search(rf"^  {name} +{re.escape(line)}$", printed, re.MULTILINE)
        assert module not in modules
    assert not modules & HEAVY


@pytest.mark.parametrize("group", GROUPS)
def test_help_of_a_group_imports_nothing_heavy(group: str) -> None:
    printed, modules = imports(group, "--help")
    assert printed.startswith(f"Usage: sms {group} ")
    assert not modules & HEAVY


@pytest.mark.parametrize(("group", "command"), SUBCOMMANDS)
def test_every_command_has_help(
    group: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli([group, command, "-h"], prog_name="sms")
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"Usage: sms {group} {command} ")


def test_the_version() -> None:
    done = sms("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"sms \d+\.\d+\.\d+(\+[0-9a-f]{12}(-dirty)?)?\n", done.stdout)


def test_help_lists_every_exit_code() -> None:
    codes = {
        error.exit_code
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.CommandError)
    }
    help_text = cli.get_help(click.Context(cli))
    listed = re.findall(r"^    +(\d+)  ", help_text, re.MULTILINE)
    assert set(map(int, listed)) == {0, *codes, 130}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["publsh"], "No such command 'publsh'. Did you mean 'publish'?"),
        (["publish", "lst"], "No such command 'lst'. Did you mean 'list'?"),
        (
            ["publish", "list", "--jsn"],
            "No such option '--jsn'. Did you mean '--json'?",
        ),
        (["--wrong"], "No such option '--wrong'. Did you mean '--version'?"),
    ],
)
def test_a_mistyped_command_is_one_line(arguments: list[str], message: str) -> None:
    done = sms(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"sms: {message}\n"


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("sms ", [*GROUPS]),
        ("sms pub", ["publish"]),
        ("sms publish pr", ["promote", "prune"]),
        ("sms publish list --j", ["--json"]),
    ],
)
def test_a_shell_completes_commands_and_options(
    words: str, completed: list[str]
) -> None:
    done = sms(
        environment={
            "_SMS_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(words.count(" ")),
        }
    )
    assert done.stdout.splitlines() == [f"plain,{word}" for word in completed]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_can_be_installed(shell: str) -> None:
    done = sms(environment={"_SMS_COMPLETE": f"{shell}_source"})
    assert done.returncode == 0 or "bash" in done.stderr
    assert "_SMS_COMPLETE" in done.stdout


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("redirected", "status", "error"),
    [
        ("--help >/dev/full", 30, "sms: standard output: No space left on device\n"),
        ("--help | true", 0, ""),
        ("--help >&-", 0, ""),
        ("publish prune >&-", 2, "sms: say what to keep: "),
        ("publish prune 2>/dev/full", 2, ""),
        ("publish prune 2>&-", 2, ""),
        ("publish prune >/dev/full 2>/dev/full", 2, ""),
        ("--help >/dev/full 2>/dev/full", 30, ""),
    ],
)
def test_output_that_cannot_be_written(
    redirected: str, status: int, error: str, unbuffered: str
) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{SMS} {redirected}"],
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith(error)
    assert len(done.stderr.splitlines()) == bool(error)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_closed_pipe_ends_the_command_quietly(unbuffered: str) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [SMS, "--help"],
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")

"""How the command `sms` ends: one line on standard error, and an exit code."""

import os
import sys

import click

from common.errors import CommandError
from common.output import OutputError, guard_output

NAME = "sms"
INTERRUPTED = 130
# A shell reports a command that a signal ended as this plus the signal's number.
SIGNALLED = 128


def run(group: click.Group) -> None:
    """Run the command and leave with its exit code."""
    guard_output()
    status = _run(group)
    try:
        # What Python flushes as it ends would change the exit code to 120.
        sys.stdout.flush()
    except OutputError as error:
        status = status or _fail(str(error), error.exit_code)
    sys.exit(status)


def _run(group: click.Group) -> int | None:
    try:
        status: int | None = group(prog_name=NAME, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        return _fail(error.format_message(), error.exit_code)
    except CommandError as error:
        return _fail(str(error), error.exit_code)
    except click.Abort:
        return INTERRUPTED
    return status


def _fail(message: str, status: int) -> int:
    """Print an error in one line; a closed pipe has no message."""
    if message:
        try:
            click.echo(f"{NAME}: {' '.join(message.split())}", err=True)
        except OSError:
            # Its buffer would fail again as Python ends.
            sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115
    return status

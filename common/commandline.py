"""Running the command `sms`: errors become one line and an exit code."""

import os
import sys

import click

from common.errors import CommandError
from common.output import OutputError, guard_output

NAME = "sms"
INTERRUPTED = 130
# A shell adds the number of the signal that ended a command to this.
SIGNALLED = 128


def run(group: click.Group) -> None:
    """Run the command and exit with its code."""
    guard_output()
    status = _run(group)
    try:
        # If this flush failed at exit instead, Python would exit with 120.
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
    """Print an error on one line and return its exit code."""
    if message:
        try:
            click.echo(f"{NAME}: {' '.join(message.split())}", err=True)
        except OSError:
            # Python would flush it at exit, fail again and exit with 120.
            sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115
    return status

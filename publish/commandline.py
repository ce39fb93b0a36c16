"""How a command ends: every error is one line on standard error, and its exit code."""

import sys

import click

INTERRUPTED = 130


class CommandError(Exception):
    """An error that one line says in full. Never holds personal data."""

    exit_code = 1


def run(name: str, group: click.Group) -> None:
    """Run the command `name` and leave with its exit code."""
    try:
        status = group(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        status = error.exit_code
    except click.ClickException as error:
        status = _fail(name, error.format_message(), error.exit_code)
    except CommandError as error:
        status = _fail(name, str(error), error.exit_code)
    except click.Abort:
        status = INTERRUPTED
    sys.exit(status)


def _fail(name: str, message: str, status: int) -> int:
    click.echo(f"{name}: {' '.join(message.split())}", err=True)
    return status

"""The command `sms nightly`: the same steps by hand, by cron and in a workflow.

Everything heavy is imported inside the commands, so that `--help` answers at once.
"""

import json
import os
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import FrameType

import click

from common.commandline import SIGNALLED
from common.errors import ContractError
from common.files import PRIVATE_UMASK
from common.options import Span
from ops.nightly.steps import StoppedError, StopSignal


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Load, build, compare and promote: a whole night.

    A night that fails ends with the exit code of the step that failed, or with 30 if
    another night is in progress. `sms --help` lists the exit codes.
    """


def night_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a night, named as the fields of ops.nightly.night.Wanted."""
    for option in (
        click.option(
            "--summary",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Also write the summary to this file: Markdown, no personal data.",
        ),
        click.option(
            "--accept-change",
            "accepts_change",
            is_flag=True,
            help="Accept a load with far fewer subjects than the last one, and a run "
            "with far more or fewer rows than the promoted one.",
        ),
        click.option(
            "--sandbox", "is_sandbox", is_flag=True, help="Load the built-in portals."
        ),
        click.option(
            "--portal",
            "portals",
            multiple=True,
            metavar="KEY",
            help="Load and export only this portal; can be repeated.  [default: all]",
        ),
    ):
        command = option(command)
    return command


@cli.command()
@night_options
def plan(**_: object) -> None:
    """Load, build, and compare with the promoted run; promote nothing.

    The load is built twice. If the two builds differ in anything, the night fails.
    """
    _night("plan")


@cli.command()
@night_options
def export(**_: object) -> None:
    """Do what `plan` does, then promote the run."""
    _night("export")


def _night(mode: str) -> None:
    from ops.nightly.night import Wanted  # noqa: PLC0415
    from ops.nightly.night import run as run_night  # noqa: PLC0415

    os.umask(PRIVATE_UMASK)
    for number in (signal.SIGINT, signal.SIGTERM):
        # A script's background processes are told to ignore an interrupt.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    try:
        night = run_night(Wanted(mode, **click.get_current_context().params))
    except StopSignal as stop:
        raise StoppedError("between two steps", stop.exit_code) from stop
    if night.is_promoted:
        click.echo(f"Run {night.run_id} is promoted")
    else:
        click.echo(f"Run {night.run_id} is not promoted: {night.obstacle}")


def _stop(number: int, _: FrameType | None) -> None:
    raise StopSignal(SIGNALLED + number)


@cli.command()
@click.option(
    "--max",
    "most",
    type=Span(),
    default="26h",
    show_default=True,
    help="The greatest age allowed.",
)
@click.option(
    "--mode",
    type=click.Choice(["plan", "export"]),
    default="export",
    show_default=True,
    help="export: the age of the promotion; plan: the age of the newest finished run.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def age(most: timedelta, mode: str, as_json: bool) -> None:
    """Say how old the last night is; exit code 10 if it is too old.

    Meant for an alarm. Reads only EXPORT_ROOT.
    """
    from ops.nightly.age import describe, last_night  # noqa: PLC0415

    night = last_night(most, is_export=mode == "export")
    if as_json:
        click.echo(json.dumps(night, indent=2))
    if night["is_missing"]:
        raise ContractError(describe(night))
    if not as_json:
        click.echo(describe(night))

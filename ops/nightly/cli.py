"""The command `sms nightly`: the same steps by hand, by cron and in a workflow.

Everything heavy is imported inside the commands, so that `--help` answers at once.
"""

import os
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import FrameType

import click

from common.commandline import SIGNALLED
from common.files import PRIVATE_UMASK
from common.options import Span
from ops.nightly.errors import StoppedError, StopSignal


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Load, build, compare and promote: a whole night.

    Exit codes: 0 done; that of the step that failed; 2 usage or configuration; 30
    another night is in progress; 130 or 143 stopped, by SIGINT or SIGTERM.
    """


def night_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a night."""
    for option in (
        click.option(
            "--summary",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Write the summary, Markdown without personal data, here as well.",
        ),
        click.option(
            "--accept-change",
            is_flag=True,
            help="Also if there are far fewer subjects than before, or if far more or "
            "fewer rows than promoted.",
        ),
        click.option("--sandbox", is_flag=True, help="Read the built-in portal."),
        click.option(
            "--portal",
            "portals",
            multiple=True,
            metavar="KEY",
            help="A portal to load, and to export no other.  [default: all]",
        ),
    ):
        command = option(command)
    return command


@cli.command()
@night_options
def plan(
    *,
    portals: tuple[str, ...],
    sandbox: bool,
    accept_change: bool,
    summary: Path | None,
) -> None:
    """Load and build, and compare with what is promoted; promote nothing.

    The load is built twice: where the builds differ in anything, the night fails.
    """
    _night("plan", portals, sandbox, accept_change, summary)


@cli.command()
@night_options
def export(
    *,
    portals: tuple[str, ...],
    sandbox: bool,
    accept_change: bool,
    summary: Path | None,
) -> None:
    """Do what `plan` does, then promote the run."""
    _night("export", portals, sandbox, accept_change, summary)


def _night(
    mode: str,
    portals: tuple[str, ...],
    sandbox: bool,
    accept_change: bool,
    summary: Path | None,
) -> None:
    from ops.nightly.night import Wanted  # noqa: PLC0415
    from ops.nightly.night import run as run_night  # noqa: PLC0415

    os.umask(PRIVATE_UMASK)
    for number in (signal.SIGINT, signal.SIGTERM):
        # What runs in the background of a script is told to ignore an interrupt.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    try:
        night = run_night(Wanted(mode, portals, sandbox, accept_change, summary))
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
    help="The oldest that it may be.",
)
@click.option(
    "--mode",
    type=click.Choice(["plan", "export"]),
    default="export",
    show_default=True,
    help="What nights there are: of plan nights, the newest finished run counts.",
)
def age(most: timedelta, mode: str) -> None:
    """Say how long ago the last night was done; exit code 10 if too long.

    For an alarm when a night is missing. Looks under EXPORT_ROOT and nowhere else.
    """
    from ops.nightly.age import last_night  # noqa: PLC0415

    click.echo(last_night(most, is_export=mode == "export"))

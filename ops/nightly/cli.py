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
from typing import Any

import click

from common.commandline import SIGNALLED
from common.errors import ConfigError, ContractError
from common.files import PRIVATE_UMASK
from common.options import Span
from ops.nightly.errors import StopSignal


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Load, build, compare and promote: a whole night.

    A night that fails ends with the exit code of the step that failed, or with 30 if
    another night is in progress. `sms --help` lists the exit codes.
    """


def age_options[**P, R](command: Callable[P, R]) -> Callable[P, R]:
    """Add the options that say which night counts, and how old it may be."""
    mode = click.option(
        "--mode",
        type=click.Choice(["plan", "export"]),
        default="export",
        show_default=True,
        help="export: the promoted run's night; plan: the newest finished run's.",
    )
    most = click.option(
        "--max",
        "most",
        type=Span(),
        default="26h",
        show_default=True,
        help="The greatest age allowed for the last night.",
    )
    return most(mode(command))


def night_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a night, named as the fields of ops.nightly.night.Wanted."""
    for option in (
        click.option(
            "--log-format",
            type=click.Choice(["text", "json"]),
            default="text",
            envvar="NIGHTLY_LOG_FORMAT",
            show_default=True,
            show_envvar=True,
            help="text for people; json for CloudWatch: every line has one trace id.",
        ),
        click.option(
            "--vars",
            "given",
            metavar="YAML|FILE",
            help="Variables of the build, merged over those of NIGHTLY_VARS.",
        ),
        click.option(
            "--break-lock",
            "breaks_lock",
            is_flag=True,
            help="Begin even if LANDING_STORE says that a night is in progress on "
            "another machine.",
        ),
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
@click.option(
    "--load",
    "load_id",
    metavar="ID",
    help="Build this load, from the landing or LANDING_STORE: ask no portal and push "
    "nothing.",
)
@click.option(
    "--no-push",
    "pushes",
    flag_value=False,
    default=True,
    help="Do not push the load to LANDING_STORE.",
)
def plan(**options: Any) -> None:  # noqa: ANN401  (fields of Wanted)
    """Load, build, and compare with the promoted run; promote nothing.

    The load is built twice. If the two builds differ in anything, the night fails.
    """
    if options["load_id"] and (options["portals"] or options["is_sandbox"]):
        raise ConfigError("give --load or the portals to ask, not both")
    _night("plan", options)


@cli.command()
@night_options
def export(**options: Any) -> None:  # noqa: ANN401  (fields of Wanted)
    """Do what `plan` does, then promote the run."""
    _night("export", options)


def _night(mode: str, options: dict[str, Any]) -> None:
    from ops.nightly.logs import log_done  # noqa: PLC0415
    from ops.nightly.night import Wanted  # noqa: PLC0415
    from ops.nightly.night import run as run_night  # noqa: PLC0415

    os.umask(PRIVATE_UMASK)
    for number in (signal.SIGINT, signal.SIGTERM):
        # A script's background processes are told to ignore an interrupt.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    night = run_night(Wanted(mode, **options))
    if night.log_format == "text":
        end = "promoted" if night.is_promoted else f"not promoted: {night.obstacle}"
        click.echo(f"Run {night.run_id} is {end}")
    log_done(night)


def _stop(number: int, _: FrameType | None) -> None:
    raise StopSignal(SIGNALLED + number)


@cli.command()
@age_options
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def age(most: timedelta, mode: str, as_json: bool) -> None:
    """Say how old the last night is; exit code 10 if it is too old.

    Its age counts from the start of its run, however that was promoted. Meant for an
    alarm. Reads only EXPORT_ROOT.
    """
    from ops.nightly.age import describe, last_night  # noqa: PLC0415

    night = last_night(most, is_export=mode == "export")
    if as_json:
        click.echo(json.dumps(night, indent=2))
    if night["is_missing"]:
        raise ContractError(describe(night))
    if not as_json:
        click.echo(describe(night))

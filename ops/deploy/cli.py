"""The command `sms deploy`: blue/green for the night on AWS."""

import json
import os
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from common.environment import environment_name
from common.errors import ConfigError
from common.options import PositiveSpan

if TYPE_CHECKING:
    from ops.deploy.aws import Colours
    from publish.root import Root

schedule_option = click.option(
    "--schedule",
    metavar="NAME",
    envvar="DEPLOY_SCHEDULE",
    show_envvar=True,
    help="The schedule of the nights.  [default: sms-campaigns-ENVIRONMENT]",
)
plan_option = click.option(
    "--plan", "is_plan", is_flag=True, help="Only say what would be done."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Try another image on the live night's load, switch to it, and go back.

    The colour that the schedule starts is live, the other one is the candidate. Needs
    AWS credentials, and EXPORT_ROOT as the nights have it. docs/colours.md has more.
    """


@cli.command()
@click.argument("image")
@schedule_option
@plan_option
def candidate(image: str, schedule: str | None, *, is_plan: bool) -> None:
    """Give the colour that is not live this IMAGE, by its digest or tag.

    Its role cannot promote.
    """
    colours = _colours(schedule)
    now, role = colours.candidate, colours.plan_role
    if (now.image, now.role) == (image, role):
        click.echo(f"{now.name} has {image} already")
    elif is_plan:
        click.echo(f"would register a revision of {now.colour} with {image}")
    else:
        # Without tags, since nothing of the new image has been compared.
        new = colours.register(now, image=image, role=role, tags={})
        click.echo(f"{new.name} has {image}: `sms deploy compare` tries it")


@cli.command()
@schedule_option
@plan_option
@click.option(
    "--timeout",
    "most",
    type=PositiveSpan(),
    default="2h",
    show_default=True,
    help="How long to wait for the candidate's night.",
)
def compare(schedule: str | None, most: timedelta, *, is_plan: bool) -> None:
    """Have the candidate plan the load of the promoted run, and compare the two.

    It counts who would newly be texted and who no longer, and remembers the answer.
    It asks no portal. Repeat it if it was interrupted.
    """
    from ops.deploy import comparing  # noqa: PLC0415
    from publish.terminal import diff_lines  # noqa: PLC0415

    colours = _colours(schedule)
    root = _root(colours)
    promoted = comparing.promoted_manifest(root)
    if is_plan:
        if comparing.is_compared(colours.candidate, promoted):
            click.echo(f"would use the task of {colours.candidate.name}")
        else:
            asked = comparing.task(colours, promoted, "TRACE")
            click.echo(f"would start {json.dumps(asked, indent=2)}")
        return
    found = comparing.compare(colours, root, promoted, most)
    for line in diff_lines(found.difference):
        click.echo(line)
    click.echo()
    name = colours.candidate.name
    if found.is_clean:
        click.echo(f"{name} texts the same people: `sms deploy switch` makes it live")
    else:
        click.echo(
            f"{name} texts others. If that is right: "
            f"sms deploy switch --accept {found.run_id}"
        )


@cli.command()
@click.option(
    "--accept",
    "accepted",
    metavar="RUN_ID",
    help="The candidate's run, as `sms deploy compare` names it, if its differences "
    "are right. Also passes the guards that `sms publish promote` has.",
)
@schedule_option
@plan_option
def switch(accepted: str | None, schedule: str | None, *, is_plan: bool) -> None:
    """Promote the candidate's run and have the schedule start the candidate.

    Refuses a candidate whose comparison with the promoted run is missing, or neither
    clean nor accepted. People who have said stop since are left out.
    """
    from ops.deploy import switching  # noqa: PLC0415

    colours = _colours(schedule)
    root = _root(colours)
    step = switching.next_switch(colours, root, accepted)
    if step is None:
        click.echo(f"{colours.live.name} is live already")
    elif is_plan:
        click.echo(f"would promote run {step.run_id}")
        click.echo(f"would make {step.to.colour} live with {step.to.image}")
    else:
        new = switching.switch(colours, root, step)
        _show_promoted(root, str(step.run_id))
        _show_live(new.name, new.colour)


@cli.command()
@click.option(
    "--accept-change",
    "accepts_change",
    is_flag=True,
    help="Promote the earlier run even if a guard of `sms publish promote` refuses it.",
)
@schedule_option
@plan_option
def back(schedule: str | None, *, accepts_change: bool, is_plan: bool) -> None:
    """Undo the last switch: the schedule starts the other colour again.

    The run that was promoted before is promoted again, without people who have said
    stop since, unless a night has promoted another one meanwhile.
    """
    from ops.deploy import switching  # noqa: PLC0415

    colours = _colours(schedule)
    root = _root(colours)
    step = switching.next_way_back(colours, root, accepts_change=accepts_change)
    if step is None:
        click.echo(f"{colours.live.name} is live already")
        return
    if step.run_id is None:
        click.echo(
            f"nights have promoted since: run {step.replaced_run} stays as it is, and "
            "the next night promotes"
        )
    elif is_plan:
        click.echo(f"would promote run {step.run_id} again")
    if is_plan:
        click.echo(f"would make {step.to.colour} live with {step.to.image}")
        return
    new = switching.go_back(colours, root, step)
    if step.run_id is not None:
        _show_promoted(root, step.run_id)
    _show_live(new.name, new.colour)


def _show_promoted(root: "Root", run_id: str) -> None:
    from publish.terminal import promoted_run_id  # noqa: PLC0415

    now = promoted_run_id(root)
    copy = f": run {run_id} without people who have said stop since"
    click.echo(f"run {now} is promoted{'' if now == run_id else copy}")


def _show_live(name: str, colour: str) -> None:
    click.echo(f"{name} is live")
    click.echo(f"The next update of the stack needs the parameter Live={colour}")


def _colours(schedule: str | None) -> "Colours":
    # boto3 is slow to import.
    from ops.deploy.aws import read_colours  # noqa: PLC0415

    return read_colours(schedule or f"sms-campaigns-{environment_name()}")


def _root(colours: "Colours") -> "Root":
    """Return the export root; ConfigError unless it is that of the live nights."""
    from publish.settings import export_root  # noqa: PLC0415

    here, there = os.environ.get("EXPORT_ROOT", ""), colours.live.setting("EXPORT_ROOT")
    if here.rstrip("/") != there.rstrip("/"):
        raise ConfigError(
            f"EXPORT_ROOT is {here or 'not set'}, and the nights of "
            f"{colours.live.name} have {there or 'none'}"
        )
    return export_root()

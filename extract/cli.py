"""The command `sms extract`: from the portals to a complete load in the landing.

Everything heavy is imported inside the commands, so that `--help` answers at once.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from common.options import PositiveSpan, Span, json_option
from common.retention import read_rule, retention_options
from extract.sandbox.cli import sandbox

if TYPE_CHECKING:
    from extract.pruning import LoadsInUse

MAX_CONCURRENCY = 256


SHARE = click.FloatRange(0, 1)

portals_option = click.option(
    "--portal",
    "keys",
    multiple=True,
    metavar="KEY",
    help="A portal of seeds/portals.csv.  [default: all except the sandbox's]",
)
landing_option = click.option(
    "--landing",
    type=click.Path(file_okay=False, path_type=Path),
    default="landing",
    envvar="LANDING_DIR",
    show_default=True,
    show_envvar=True,
    help="The folder that holds the loads.",
)


def _read_env_file(_: click.Context, __: click.Parameter, file: Path | None) -> None:
    """Put the settings of a file where the other options and boto3 find them."""
    if file is None:
        return
    from extract.envfile import read_env_file  # noqa: PLC0415

    for name, value in read_env_file(file).items():
        os.environ.setdefault(name, value)


timeout_option = click.option(
    "--timeout",
    type=PositiveSpan(),
    help="The time limit for a complete answer; job details have at least 2m.  "
    "[default: 30s, or from PORTAL_SECRET]",
)
env_file_option = click.option(
    "--env-file",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_read_env_file,
    is_eager=True,
    expose_value=False,
    help="Read settings (NAME=value) from a file; the environment takes precedence.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Read the portals' jobs into the landing."""


@cli.command()
@portals_option
@click.option(
    "--job", "jobs", multiple=True, metavar="UUID", help="Read only this job."
)
@click.option(
    "--jobs",
    "jobs_from",
    metavar="FILE",
    help="Read only these jobs: one uuid on each line, or a JSON list; - is standard "
    "input.",
)
@click.option("--sandbox", is_flag=True, help="Read the built-in sandbox portal.")
@env_file_option
@landing_option
@click.option(
    "--concurrency",
    type=click.IntRange(1, MAX_CONCURRENCY),
    default=8,
    show_default=True,
    help="Requests in flight at once, for each portal.",
)
@click.option(
    "--rate",
    type=click.IntRange(min=0),
    help="Requests a second, for each portal; 0: unlimited.  "
    "[default: 8; 0 for the sandbox]",
)
@click.option(
    "--attempts",
    type=click.IntRange(min=1),
    help="How often a request is sent while it fails transiently; at most three times "
    "if a server on this machine never answered, or an answer has an unknown shape.  "
    "[default: 8]",
)
@timeout_option
@click.option(
    "--deadline",
    type=PositiveSpan(),
    help="The time limit for reading all portals.  [default: 12h]",
)
@click.option(
    "--max-pages",
    type=click.IntRange(min=1),
    help="The most pages of one list.  [default: 10000]",
)
@click.option(
    "--max-age-keys",
    type=Span(),
    default="30d",
    show_default=True,
    help="Reuse access keys that an earlier load fetched within this time; 0: none.",
)
@click.option(
    "--max-age-users",
    type=Span(),
    default="7d",
    show_default=True,
    help="Reuse users' details likewise.",
)
@click.option(
    "--resume-within",
    type=Span(),
    default="6h",
    show_default=True,
    help="Reuse jobs that an interrupted load read within this time; 0: none.",
)
@click.option("--fresh", is_flag=True, help="Do not resume an interrupted load.")
@click.option(
    "--max-quarantine",
    type=SHARE,
    default=0.01,
    show_default=True,
    help="Fail if more than this share of an entity's rows cannot be landed.",
)
@click.option(
    "--min-ratio",
    type=SHARE,
    default=0.5,
    show_default=True,
    help="Hold the load back if a portal has less than this share of its earlier "
    "subjects.",
)
@click.option(
    "--accept-shrink",
    is_flag=True,
    help="Make the load current even if a portal has fewer subjects.",
)
@click.option(
    "--log-format",
    type=click.Choice(["json", "text"]),
    help="Log lines on standard output.  [default: progress bars on a terminal, else "
    "json]",
)
def load(
    *,
    max_age_keys: timedelta,
    max_age_users: timedelta,
    resume_within: timedelta,
    fresh: bool,
    max_quarantine: float,
    min_ratio: float,
    accept_shrink: bool,
    **options: Any,  # noqa: ANN401  (arguments of extract.commands.load)
) -> None:
    """Make one load: the portals' data as of now, landed completely or not at all.

    Credentials come from PORTAL_USERNAME and PORTAL_PASSWORD in the environment, or
    from AWS: PORTAL_SECRET=secretsmanager:ID or ssm:NAME, whose JSON has "username",
    "password", and optionally "rate_limit_per_sec" and "timeout_s". --sandbox needs
    none.
    """
    from extract import commands  # noqa: PLC0415
    from extract.carry import Reuse  # noqa: PLC0415
    from extract.load import Limits  # noqa: PLC0415

    reuse = Reuse(max_age_keys, max_age_users, resume_within, fresh)
    limits = Limits(
        max_quarantine=max_quarantine,
        min_ratio=min_ratio,
        accepts_shrink=accept_shrink,
    )
    commands.load(reuse=reuse, limits=limits, **options)


@cli.command()
@portals_option
@timeout_option
@env_file_option
@json_option
def check(*, keys: tuple[str, ...], timeout: timedelta | None, as_json: bool) -> None:
    """Check credentials and addresses with one request to each portal.

    Exits with 20 if any portal cannot be read. Credentials as for `sms extract load`.
    """
    from extract import commands  # noqa: PLC0415

    commands.check(keys, timeout, as_json=as_json)


@cli.command()
@landing_option
@json_option
def loads(*, landing: Path, as_json: bool) -> None:
    """List the complete loads, newest first; * marks the current one."""
    from extract import commands  # noqa: PLC0415

    commands.loads(landing, as_json=as_json)


@cli.command()
@click.argument("load_id")
@landing_option
def accept(*, load_id: str, landing: Path) -> None:
    """Make a load current that was held back because it has few subjects."""
    from extract import commands  # noqa: PLC0415

    commands.accept_load(landing, load_id)


@cli.command()
@retention_options("loads")
@landing_option
@click.pass_obj
def prune(
    loads_in_use: "LoadsInUse",
    *,
    keep: int | None,
    keep_days: int | None,
    dry_run: bool,
    as_json: bool,
    landing: Path,
) -> None:
    """Remove the loads that neither --keep nor --keep-days keeps.

    Give at least one of them. These are always kept: the current load, the load that
    the promoted run under EXPORT_ROOT was built from, the newest full load of each
    portal, and loads that a build or another load is reading. The rest of an
    interrupted load is kept for a day, or for --keep-days if that is longer.
    """
    from extract import commands  # noqa: PLC0415

    rule = read_rule(keep, keep_days)
    commands.prune(landing, rule, loads_in_use, dry_run=dry_run, as_json=as_json)


cli.add_command(sandbox)

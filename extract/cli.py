"""The command `sms extract`: from the portals to a complete load in the landing.

Everything heavy is imported inside the commands, so that `--help` answers at once.
"""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from common.options import PositiveSpan, Span
from common.retention import read_rule, retention_options

if TYPE_CHECKING:
    from extract.logs import LogFormat
    from extract.pruning import LoadsInUse

SANDBOX_JOBS = 6
SANDBOX_SUBJECTS = 40
SANDBOX_SEED = 1
MAX_CONCURRENCY = 256


SHARE = click.FloatRange(0, 1)

portals_option = click.option(
    "--portal",
    "keys",
    multiple=True,
    metavar="KEY",
    help="A portal of seeds/portals.csv; all but the sandbox's, unless given.",
)
landing_option = click.option(
    "--landing",
    type=click.Path(file_okay=False, path_type=Path),
    default="landing",
    envvar="LANDING_DIR",
    show_default=True,
    show_envvar=True,
    help="The folder of the loads.",
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
    help="How long a whole answer may take; details of jobs at least 2m.  "
    "[default: 30s, or as PORTAL_SECRET says]",
)
env_file_option = click.option(
    "--env-file",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_read_env_file,
    is_eager=True,
    expose_value=False,
    help="Read settings, NAME=value, from a file; the environment's own come first.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Read the portals' jobs into the landing."""


@cli.command()
@portals_option
@click.option(
    "--job", "jobs", multiple=True, metavar="UUID", help="Read this job, and no others."
)
@click.option(
    "--jobs",
    "jobs_from",
    metavar="FILE",
    help="Read these jobs: one uuid a line, or a JSON list; - is standard input.",
)
@click.option("--sandbox", is_flag=True, help="Read the built-in portal.")
@env_file_option
@landing_option
@click.option(
    "--concurrency",
    type=click.IntRange(1, MAX_CONCURRENCY),
    default=8,
    show_default=True,
    help="Requests in flight at a time, for each portal.",
)
@click.option(
    "--rate",
    type=click.IntRange(min=0),
    help="Requests a second, for each portal; 0: as many as go.  "
    "[default: 8, the sandbox's 0]",
)
@click.option(
    "--attempts",
    type=click.IntRange(min=1),
    help="How often a request is sent if it fails by what may pass; three times at "
    "most where a connection to this machine is refused from the start, or an answer "
    "has a wrong shape.  [default: 8]",
)
@timeout_option
@click.option(
    "--deadline",
    type=PositiveSpan(),
    help="How long the reading of all portals may take.  [default: 12h]",
)
@click.option(
    "--max-pages",
    type=click.IntRange(min=1),
    help="How many pages one list may have.  [default: 10000]",
)
@click.option(
    "--max-age-keys",
    type=Span(),
    default="30d",
    show_default=True,
    help="Take over access keys that an earlier load asked for no longer ago; 0: none.",
)
@click.option(
    "--max-age-users",
    type=Span(),
    default="7d",
    show_default=True,
    help="Take over the details of users likewise.",
)
@click.option(
    "--resume-within",
    type=Span(),
    default="6h",
    show_default=True,
    help="Go on with jobs that an interrupted load read no longer ago; 0: with none.",
)
@click.option("--fresh", is_flag=True, help="Go on with no interrupted load.")
@click.option(
    "--max-quarantine",
    type=SHARE,
    default=0.01,
    show_default=True,
    help="The share of an entity's rows that may be impossible to land.",
)
@click.option(
    "--min-ratio",
    type=SHARE,
    default=0.5,
    show_default=True,
    help="The share of a portal's earlier subjects that it must still have.",
)
@click.option(
    "--accept-shrink",
    is_flag=True,
    help="Make the load current also if a portal has fewer subjects than that.",
)
@click.option(
    "--log-format",
    type=click.Choice(["json", "text"]),
    help="Log lines on standard output.  [default: progress bars on a terminal, else "
    "json]",
)
def load(
    *,
    keys: tuple[str, ...],
    jobs: tuple[str, ...],
    jobs_from: str | None,
    sandbox: bool,
    landing: Path,
    concurrency: int,
    rate: int | None,
    attempts: int | None,
    timeout: timedelta | None,
    deadline: timedelta | None,
    max_pages: int | None,
    max_age_keys: timedelta,
    max_age_users: timedelta,
    resume_within: timedelta,
    fresh: bool,
    max_quarantine: float,
    min_ratio: float,
    accept_shrink: bool,
    log_format: "LogFormat | None",
) -> None:
    """Make one load: what the portals say now, landed whole or not at all.

    Credentials come from PORTAL_USERNAME and PORTAL_PASSWORD in the environment, or
    from AWS: PORTAL_SECRET=secretsmanager:ID or ssm:NAME, whose JSON has "username",
    "password", and may have "rate_limit_per_sec" and "timeout_s". --sandbox needs none.
    """
    from extract import commands  # noqa: PLC0415
    from extract.load import Limits  # noqa: PLC0415
    from extract.reuse import Reuse  # noqa: PLC0415
    from extract.settings import Told  # noqa: PLC0415

    reuse = Reuse(max_age_keys, max_age_users, resume_within, fresh)
    wanted = commands.Wanted(
        portals=keys,
        jobs=jobs,
        jobs_from=jobs_from,
        is_sandbox=sandbox,
        landing=landing,
        concurrency=concurrency,
        rate=rate,
        log_format=log_format,
        reuse=reuse,
        limits=Limits(
            max_quarantine=max_quarantine,
            min_ratio=min_ratio,
            accepts_shrink=accept_shrink,
        ),
        patience=Told(attempts, timeout, deadline, max_pages),
    )
    size = commands.SandboxSize(SANDBOX_JOBS, SANDBOX_SUBJECTS, SANDBOX_SEED)
    commands.load(wanted, size)


@cli.command()
@portals_option
@timeout_option
@env_file_option
def check(*, keys: tuple[str, ...], timeout: timedelta | None) -> None:
    """Try credentials and addresses: one request a portal, and a line on each.

    Ends with 20 if any portal cannot be read. Credentials as for `sms extract load`.
    """
    from extract import commands  # noqa: PLC0415

    commands.check(keys, timeout)


@cli.command()
@landing_option
def loads(landing: Path) -> None:
    """List the complete loads, newest first; * marks the current one."""
    from extract import commands  # noqa: PLC0415

    commands.loads(landing)


@cli.command()
@click.argument("load_id")
@landing_option
def accept(*, load_id: str, landing: Path) -> None:
    """Make a load current that was held back for its few subjects."""
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
    landing: Path,
) -> None:
    """Remove the loads that neither --keep nor --keep-days keeps.

    At least one of them is needed. Always kept are the current load, the one that the
    promoted run under EXPORT_ROOT was built from, the newest that has all of a portal,
    and what a build or a load is reading. What an interrupted load left is kept for
    a day, or for --keep-days if that is more.
    """
    from extract import commands  # noqa: PLC0415

    rule = read_rule(keep, keep_days)
    commands.prune(landing, rule, loads_in_use, dry_run=dry_run)


class SandboxCommand(click.Command):
    """A command whose help ends with the faults that it plays."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the faults."""
        from extract.sandbox.faults import FAULTS  # noqa: PLC0415

        lines = [
            (_shown_fault(name, fault.argument), f"{fault.meaning} ({fault.at})")
            for name, fault in FAULTS.items()
        ]
        with formatter.section("Faults, with a usual ARG (and kind of request)"):
            formatter.write_dl(lines)


def _shown_fault(name: str, argument: int | str | None) -> str:
    return name if argument is None else f"{name}:{argument}"


@cli.command(cls=SandboxCommand)
@click.option("--port", type=click.IntRange(0, 65535), default=8808, show_default=True)
@click.option(
    "--jobs", type=click.IntRange(min=0), default=SANDBOX_JOBS, show_default=True
)
@click.option(
    "--subjects",
    type=click.IntRange(min=0),
    default=SANDBOX_SUBJECTS,
    show_default=True,
    help="Subjects in each job.",
)
@click.option("--seed", type=int, default=SANDBOX_SEED, show_default=True)
@click.option(
    "--latency-ms", type=click.FloatRange(min=0), default=0, show_default=True
)
@click.option(
    "--today",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day that its dates count back from.  [default: today, in UTC]",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME[:ARG]",
    help="Play a fault, of those below; where several are due, the first.",
)
@click.option(
    "--fault-at",
    metavar="KIND",
    help="Play them at this kind of request: activities, job, subjects, registrations, "
    "user, access-keys or any.  [default: each at its own]",
)
@click.option(
    "--fault-times",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Play each so many times, and then no more; 0: always.",
)
@click.option(
    "--plain",
    is_flag=True,
    help="Ordinary subjects alone, and full pages: for measuring.",
)
def sandbox(
    *,
    port: int,
    jobs: int,
    subjects: int,
    seed: int,
    latency_ms: float,
    today: datetime | None,
    faults: tuple[str, ...],
    fault_at: str | None,
    fault_times: int,
    plain: bool,
) -> None:
    """Serve the sandbox portal until stopped; user name and password are `sandbox`."""
    from extract import commands  # noqa: PLC0415
    from extract.sandbox.faults import playing  # noqa: PLC0415

    day = today.date() if today else None
    try:
        played = [playing(text, fault_at, fault_times) for text in faults]
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--fault") from None
    size = commands.SandboxSize(jobs, subjects, seed, day, plain)
    commands.sandbox(size, port, latency_ms, played)

"""The command `sms extract sandbox`: the sandbox portal, served until it is stopped.

Everything heavy is imported when it is used, so that `--help` answers at once.
"""

import os
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import click

from common.errors import ConfigError
from extract.sandbox import SANDBOX_PASSWORD, SANDBOX_USERNAME

if TYPE_CHECKING:
    from extract.sandbox.world import World


def this_day() -> date:
    """Return the current day in UTC."""
    return datetime.now(UTC).date()


@dataclass(frozen=True)
class Size:
    """The size of a world, and the day from which its dates count back.

    `plain`: only ordinary subjects, and full pages.
    """

    jobs: int = 6
    subjects: int = 40
    seed: int = 1
    today: date = field(default_factory=this_day)
    plain: bool = False

    def world(self) -> "World":
        """Make up the world."""
        from extract.sandbox.world import generate  # noqa: PLC0415

        return generate(
            self.jobs, self.subjects, self.seed, self.today, plain=self.plain
        )


class SandboxCommand(click.Command):
    """A command whose help ends with a list of its faults."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the faults."""
        from extract.sandbox.faults import FAULTS  # noqa: PLC0415

        lines = []
        for name, fault in FAULTS.items():
            argument = "" if fault.argument is None else f":{fault.argument}"
            lines.append((name + argument, f"{fault.meaning} ({fault.at})"))
        with formatter.section("Faults, with a usual ARG (and kind of request)"):
            formatter.write_dl(lines)


@click.command(cls=SandboxCommand)
@click.option("--port", type=click.IntRange(0, 65535), default=8808, show_default=True)
@click.option(
    "--jobs", type=click.IntRange(min=0), default=Size.jobs, show_default=True
)
@click.option(
    "--subjects",
    type=click.IntRange(min=0),
    default=Size.subjects,
    show_default=True,
    help="Subjects in each job.",
)
@click.option("--seed", type=int, default=Size.seed, show_default=True)
@click.option(
    "--latency-ms", type=click.FloatRange(min=0), default=0, show_default=True
)
@click.option(
    "--today",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day from which its dates count back.  [default: today, in UTC]",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME[:ARG]",
    help="Play a fault from the list below; if several apply, the first.",
)
@click.option(
    "--fault-at",
    metavar="KIND",
    help="Play them at this kind of request: activities, job, subjects, registrations, "
    "user, access-keys or any.  [default: as listed below]",
)
@click.option(
    "--fault-times",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Play each this many times only; 0: always.",
)
@click.option(
    "--plain",
    is_flag=True,
    help="Only ordinary subjects, and full pages: for benchmarks.",
)
def sandbox(
    *,
    port: int,
    latency_ms: float,
    today: datetime | None,
    faults: tuple[str, ...],
    fault_at: str | None,
    fault_times: int,
    **size: Any,  # noqa: ANN401  (fields of Size)
) -> None:
    """Serve the sandbox portal until stopped; user name and password are `sandbox`."""
    from extract.sandbox.faults import playing  # noqa: PLC0415
    from extract.sandbox.server import run_forever  # noqa: PLC0415

    try:
        played = [playing(text, fault_at, fault_times) for text in faults]
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--fault") from None
    chosen = Size(today=today.date() if today else this_day(), **size)
    world = chosen.world()

    def announce(url: str) -> None:
        for key in world["portals"]:
            click.echo(f"{url}/{key}/api/v1")
        click.echo(f"user name {SANDBOX_USERNAME}, password {SANDBOX_PASSWORD}")

    try:
        run_forever(
            world,
            port,
            latency_ms,
            on_ready=announce,
            faults=played,
            whole_pages=chosen.plain,
        )
    except OSError as error:
        raise ConfigError(f"port {port}: {os.strerror(error.errno or 0)}") from error

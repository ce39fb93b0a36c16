"""The command `sms`. A group's module is imported only when that group is called."""

from importlib import import_module

import click

from common.commandline import run
from ops.loads import loads_in_use

# A group's name, the module that has it as `cli`, and its line in `sms --help`.
GROUPS = {
    "extract": ("extract.cli", "Read the portals' jobs into the landing."),
    "publish": ("publish.cli", "List, verify, promote and prune runs."),
    "suppressions": ("publish.suppressions.cli", "Record who said stop, and show it."),
    "audience": ("audience.cli", "Ask builds who is texted, and why."),
    "nightly": ("ops.nightly.cli", "Load, build, compare and promote: a whole night."),
    "review": ("ops.review.cli", "Say what a change of the code does."),
}


class LazyGroup(click.Group):
    """A group that knows its subcommands' help without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the groups."""
        del ctx
        return list(GROUPS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the group that is called."""
        del ctx
        if cmd_name not in GROUPS:
            return None
        group: click.Group = import_module(GROUPS[cmd_name][0]).cli
        return group

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """List the groups."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in GROUPS.items()])


def _show_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from common.version import code_version  # noqa: PLC0415

    click.echo(f"sms {code_version()}")
    ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and the commit.",
)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """From a photo portal's jobs to the SMS audiences of its buyers and non-buyers.

    \b
    Exit codes:
      0    done
      1    a guard or a step failed, or nobody was found
      2    usage or configuration
      3    databases that cannot be read or compared
      10   a contract failed
      20   the portal failed
      30   files or storage failed
      130  stopped by SIGINT; 143 by SIGTERM; 141 by a closed pipe
    """
    # `sms extract prune` must not know of publishing: it is told what to keep.
    ctx.obj = loads_in_use


def main() -> None:
    """Run the command."""
    run(cli)

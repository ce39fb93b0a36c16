"""The command `sms`. A group's module is imported only when that group is called."""

from importlib import import_module

import click

from common.commandline import run
from ops.loads import loads_in_use

# The module that defines each group as `cli`, and the group's line in `sms --help`.
GROUPS = {
    "extract": ("extract.cli", "Land what the portals say: loads of their jobs."),
    "publish": ("publish.cli", "List, verify, compare, promote and prune runs."),
    "suppressions": ("publish.suppressions.cli", "Record who said stop, and show it."),
    "audience": ("audience.cli", "Ask builds who is texted, and why."),
    "nightly": ("ops.nightly.cli", "Run a whole night: load, build, compare, promote."),
    "review": ("ops.review.cli", "Compare the audiences before and after a change."),
    "deploy": ("ops.deploy.cli", "Try another image on AWS, switch to it, go back."),
    "health": ("ops.health.cli", "Check settings, storage, and the last night's age."),
    "settings": ("ops.settings.cli", "Print every setting in force and its source."),
    "forget": ("ops.forget.cli", "Erase one person's data."),
}


class LazyGroup(click.Group):
    """A group that lists and completes its subcommands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the groups, in the order of the data's way."""
        del ctx
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Import the group that is called."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None:
            command = import_module(GROUPS[name][0]).cli
        return name, command, rest


def _show_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from common.version import code_version  # noqa: PLC0415

    click.echo(f"sms {code_version()}")
    ctx.exit()


@click.group(
    cls=LazyGroup,
    commands={
        name: click.Command(name, help=line) for name, (_, line) in GROUPS.items()
    },
    context_settings={"help_option_names": ["-h", "--help"]},
)
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
    """Turn a photo portal's jobs into SMS audiences of buyers and non-buyers.

    \b
    Exit codes:
      0    done
      1    a guard of a comparison or a step of a night failed, or no person found
      2    usage or configuration
      3    a database cannot be read or compared
      10   a contract failed, a promotion was refused, or the last night is too old
      20   the portal failed
      30   files or storage failed
      130  stopped by SIGINT; 143 by SIGTERM; 141 by a closed pipe
    """
    # `extract` does not import `publish`, so `sms extract prune` gets this from here.
    ctx.obj = loads_in_use


def main() -> None:
    """Run the command."""
    run(cli)

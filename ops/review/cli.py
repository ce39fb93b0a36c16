"""The command `sms review`: what a change of the code does to who is texted.

Everything heavy is imported inside the commands, so that `--help` answers at once.
"""

import os
from fractions import Fraction
from pathlib import Path

import click

from audience.cli import GUARD_FAILED
from common.errors import DatabaseError
from common.options import Percent

FOLDER = Path("target/review")
COMMENT = "change.md"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Say what a change of the code does."""


@cli.command()
@click.option(
    "--base",
    default="main",
    metavar="REF",
    show_default=True,
    help="What the change began from: a branch or commit of git's.",
)
@click.option(
    "--landing",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Build the current load of this landing, with SUPPRESSIONS_CSV, and not the "
    "sandbox's.",
)
@click.option(
    "--max-change",
    type=Percent(),
    metavar="PERCENT",
    help="Fail where more of a portal's and audience's phones in base come or go.",
)
def change(*, base: str, landing: Path | None, max_change: Fraction | None) -> int:
    """Compare the code at hand with the commit that it shares with REF.

    Builds both on one load, each with its own code, and writes target/review/change.md
    for a pull request: who is newly texted and who no longer, what compiles to other
    SQL, and what dbt-bouncer finds that it did not find before.

    Exit codes: 0 compared; 1 a guard failed; 2 usage; 3 they cannot be compared.
    """
    from audience import terminal  # noqa: PLC0415
    from audience.diff import has_failed  # noqa: PLC0415
    from ops.review.change import review  # noqa: PLC0415
    from ops.review.report import render, summary  # noqa: PLC0415

    # What is written here is as private as the load that it is built from.
    os.umask(0o077)
    found = review(base, FOLDER.absolute(), landing, max_change)
    (FOLDER / COMMENT).write_text(render(found), encoding="utf-8")
    if found.document:
        click.echo(f"{terminal.render(found.document)}\n")
    click.echo(f"{summary(found, str)}\nFor a pull request: {FOLDER / COMMENT}")
    if found.document is None:
        raise DatabaseError(found.obstacle)
    return GUARD_FAILED if has_failed(found.document) else 0

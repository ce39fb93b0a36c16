"""The command `sms review`: who is texted differently after a change of the code.

Everything heavy is imported inside the commands, so that `--help` answers at once.
"""

import json
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import click

from audience.cli import GUARD_FAILED
from common.errors import DatabaseError
from common.files import private_files, storage
from common.options import Percent

FOLDER = Path("target/review")
COMMENT = "change.md"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Show who is texted differently after a change of the code."""


@cli.command()
@click.option(
    "--base",
    default="main",
    metavar="REF",
    show_default=True,
    help="The branch or commit that the change started from.",
)
@click.option(
    "--landing",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Build this landing's current load, with SUPPRESSIONS_CSV, instead of the "
    "sandbox's.",
)
@click.option(
    "--max-change",
    type=Percent(),
    metavar="PERCENT",
    help="Fail if more of a portal's phones in an audience come or go.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def change(
    *, base: str, landing: Path | None, max_change: Fraction | None, as_json: bool
) -> int:
    """Compare the working tree with the commit that it shares with REF.

    Builds both on one load, each with its own code, and writes target/review/change.md
    for a pull request: who is newly texted and who no longer, which compiled SQL
    differs, and what dbt-bouncer newly finds.

    Exit codes: 0 compared; 1 a guard failed; 2 usage; 3 they cannot be compared.
    """
    from audience import terminal  # noqa: PLC0415
    from audience.diff import has_failed  # noqa: PLC0415
    from ops.review.change import review  # noqa: PLC0415
    from ops.review.report import render, summary  # noqa: PLC0415

    # These files are as private as the load that they are built from.
    with private_files(), storage(FOLDER):
        found = review(base, FOLDER.absolute(), landing, max_change)
        (FOLDER / COMMENT).write_text(render(found), encoding="utf-8")
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2, ensure_ascii=False))
    else:
        if found.document:
            click.echo(f"{terminal.render(found.document)}\n")
        click.echo(f"{summary(found, str)}\nFor a pull request: {FOLDER / COMMENT}")
    if found.document is None:
        raise DatabaseError(found.obstacle)
    return GUARD_FAILED if has_failed(found.document) else 0

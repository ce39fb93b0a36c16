"""The command `sms audience`: who is texted, who no longer is, and why.

Each command imports what it needs, so `--help` stays fast.
"""

import json
import os
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from common.errors import ConfigError, DatabaseError
from common.options import Percent

if TYPE_CHECKING:
    from audience.diff import Document

GUARD_FAILED = 1
MOST_EXAMPLES = 1000


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Show who is texted and why, from the databases that `dbt build` makes."""


database = click.Path(path_type=Path)
output = click.Path(dir_okay=False, path_type=Path)


@cli.command()
@click.argument("base", type=database)
@click.argument("head", type=database)
@click.option("--md", type=output, help="Write Markdown for a pull request.")
@click.option(
    "--json", "json_file", type=output, help="Write the whole comparison as JSON."
)
@click.option(
    "--max-change",
    type=Percent(),
    metavar="PERCENT",
    help="Fail if a larger share of the phones of any portal's audience changes.",
)
@click.option(
    "--examples",
    type=click.IntRange(0, MOST_EXAMPLES),
    default=0,
    metavar="N",
    help="Show up to N subjects of each change, by the start of their uuids.",
)
def diff(
    *,
    base: Path,
    head: Path,
    md: Path | None,
    json_file: Path | None,
    max_change: Fraction | None,
    examples: int,
) -> int:
    """Compare BASE and HEAD, the databases of two builds of the same load.

    Counts who is newly texted, who no longer is, and which change of fate causes
    it. Shows no personal data. Fails if HEAD texts anyone whom BASE held back as
    suppressed or without consent.

    Exit codes: 0 compared; 1 a guard failed; 2 usage; 3 they cannot be compared.
    """
    from audience import markdown, terminal  # noqa: PLC0415
    from audience.diff import compare, has_failed  # noqa: PLC0415

    try:
        found = compare(base, head, max_change=max_change, examples=examples)
    except DatabaseError as error:
        _write(md, markdown.render_obstacle(str(error)))
        _write_json(json_file, {"is_comparable": False, "obstacle": str(error)})
        raise
    _write(md, markdown.render(found))
    _write_json(json_file, found)
    click.echo(terminal.render(found))
    return GUARD_FAILED if has_failed(found) else 0


@cli.command()
@click.option(
    "--db",
    type=database,
    default="sms_campaigns.duckdb",
    envvar="DUCKDB_PATH",
    show_default=True,
    show_envvar=True,
    help="The database of a build.",
)
@click.option("--subject", metavar="UUID", help="Explain the subject with this uuid.")
@click.option("--phone", metavar="E164", help="Explain every subject with this phone.")
@click.option(
    "--email", metavar="EMAIL", help="Explain every subject with this e-mail."
)
@click.option(
    "--promoted",
    is_flag=True,
    help="Fail if the database is not the promoted run's, or that of which it is a "
    "copy without people who said stop.",
)
@click.option("--show", is_flag=True, help="Show names, phones, e-mails and keys.")
@click.option("--json", "as_json", is_flag=True, help="Print the trace as JSON.")
def explain(
    *,
    db: Path,
    subject: str | None,
    phone: str | None,
    email: str | None,
    promoted: bool,
    show: bool,
    as_json: bool,
) -> int:
    """Explain why a subject gets a text or none, rule by rule.

    R1 to R14 are the audience rules. Personal data is masked unless you give --show.
    If another run than the database's is promoted under EXPORT_ROOT, it says so, and
    what became of the subject there.

    Exit codes: 0 explained; 1 not found; 2 usage; 3 the database cannot be read, or,
    with --promoted, is not the promoted run's.
    """
    from audience import sentences  # noqa: PLC0415
    from audience.trace import trace  # noqa: PLC0415

    given = {"subject": subject, "phone": phone, "email": email}
    wanted = {kind: value for kind, value in given.items() if value is not None}
    if len(wanted) != 1:
        raise ConfigError("give one of --subject, --phone and --email")
    found = trace(db, wanted, show=show, only_promoted=promoted)
    click.echo(_json(found) if as_json else sentences.render(found, show=show))
    return 0


def _write_json(path: Path | None, document: "Document") -> None:
    _write(path, _json(document) + "\n")


def _json(document: "Document") -> str:
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False)


def _write(path: Path | None, text: str) -> None:
    if path is None:
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise ConfigError(f"{path} cannot be written: {reason}") from error

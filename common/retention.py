"""Which old loads and runs a prune keeps, and what it says of each."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import timedelta

import click

from common.errors import ConfigError
from common.options import MOST_DAYS, json_option
from common.output import print_json

DAY = timedelta(days=1)

type Command = Callable[..., None]


@dataclass(frozen=True)
class Rule:
    """Keep the newest `keep`, and everything younger than `keep_days`."""

    keep: int
    keep_days: int

    def why_kept(self, newer: int, age: timedelta) -> str:
        """Return why to keep one of this age that `newer` others follow, or ''."""
        if newer < self.keep:
            return f"among the newest {self.keep}"
        return younger_than(self.keep_days) if age < self.keep_days * DAY else ""


def younger_than(days: int) -> str:
    """Return the reason for keeping what is younger than this."""
    return f"younger than {days} days" if days != 1 else "younger than a day"


@dataclass(frozen=True)
class Verdict:
    """What becomes of a load or a run, and why."""

    name: str
    is_kept: bool
    reason: str


def retention_options(what: str) -> Callable[[Command], Command]:
    """Add --keep, --keep-days, --dry-run and --json to a command that prunes `what`."""

    def add(command: Command) -> Command:
        for option in (
            json_option,
            click.option(
                "--dry-run", is_flag=True, help="Only say what would be removed."
            ),
            click.option(
                "--keep-days",
                type=click.IntRange(0, MOST_DAYS),
                metavar="D",
                help=f"Keep the {what} that are younger than D days.",
            ),
            click.option(
                "--keep",
                type=click.IntRange(0),
                metavar="N",
                help=f"Keep the newest N {what}.",
            ),
        ):
            command = option(command)
        return command

    return add


def read_rule(keep: int | None, keep_days: int | None) -> Rule:
    """Return the rule of the options; ConfigError where neither is given."""
    if keep is None and keep_days is None:
        raise ConfigError("say what to keep: --keep N, --keep-days D, or both")
    return Rule(keep or 0, keep_days or 0)


def report_verdicts(
    verdicts: Iterable[Verdict], *, dry_run: bool, as_json: bool = False
) -> None:
    """Print each verdict as it comes, and the counts; as JSON once all are there."""
    going = "would remove" if dry_run else "removed"
    counts = {"kept": 0, going: 0}
    reported = []
    for verdict in verdicts:
        word = "kept" if verdict.is_kept else going
        counts[word] += 1
        if as_json:
            reported.append(asdict(verdict))
        else:
            click.echo(f"{word:<{len(going)}}  {verdict.name}  {verdict.reason}")
    if as_json:
        kept, removed = counts.values()
        report = {"dry_run": dry_run, "kept": kept, "removed": removed}
        print_json(report | {"verdicts": reported})
    else:
        click.echo(", ".join(f"{word} {number}" for word, number in counts.items()))

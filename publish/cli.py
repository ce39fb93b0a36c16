"""The command `sms publish`: which runs there are, if they are whole, which counts."""

import json
import webbrowser
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from common.errors import ConfigError, ContractError
from common.retention import read_rule, report_verdicts, retention_options
from publish import promotion, pruning
from publish.audit import audit_run, raise_problems
from publish.layout import REPORT, check_run_id, run_key
from publish.root import Root
from publish.settings import export_root
from publish.terminal import (
    diff_lines,
    list_lines,
    no_runs,
    promoted_run_id,
    show_lines,
)

PROMOTED = "promoted"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Look at runs under EXPORT_ROOT (default: exports), and promote them."""


@cli.command("list")
def list_runs() -> None:
    """List all runs, newest first."""
    _print(list_lines(export_root()))


@cli.command()
@click.argument("run_id", required=False)
@click.option("--latest-run", is_flag=True, help="Show the newest run instead.")
def show(run_id: str | None, latest_run: bool) -> None:
    """Show who was exported and who was not, and why (default: the promoted run)."""
    root = export_root()
    if run_id and latest_run:
        raise ConfigError("give a run id or --latest-run, not both")
    chosen = _newest(root) if latest_run else _chosen(root, run_id)
    _print(show_lines(root, chosen))


@cli.command()
@click.argument("run_id", required=False)
@click.option("--open", "opens", is_flag=True, help="Open it in a browser, if any.")
def report(run_id: str | None, *, opens: bool) -> None:
    """Say where a run's report is (default: the newest run that has one)."""
    root = export_root()
    address = root.address(run_key(_reported(root, run_id), REPORT))
    click.echo(address)
    if opens and Path(address).is_file():
        webbrowser.open(Path(address).as_uri())


@cli.command()
@click.argument("run_id", required=False)
def verify(run_id: str | None) -> None:
    """Read every file of a run back (default: the promoted run)."""
    root = export_root()
    chosen = _chosen(root, run_id)
    problems = promotion.verify(root, chosen)
    _print(problems)
    if problems:
        raise ContractError(f"run {chosen}: is not whole, {len(problems)} found wrong")
    click.echo(f"run {chosen}: all files are as its manifest says")


@cli.command()
@click.argument("run_id")
@click.option(
    "--accept-change",
    is_flag=True,
    help="Also if it has far more or fewer rows than the promoted run.",
)
def promote(run_id: str, accept_change: bool) -> None:
    """Make a run the promoted one, once its files are verified.

    Any finished run can be promoted: this is the way back to an earlier one, too.
    """
    root = export_root()
    began_with = root.current().version
    chosen = _chosen(root, run_id)
    manifest, _ = promotion.load_manifest(root, chosen)
    raise_problems(chosen, audit_run(root, chosen, manifest.files))
    moved = promotion.promote(root, chosen, began_with, accept_change=accept_change)
    click.echo(f"run {chosen}: {'promoted' if moved else 'was promoted already'}")


@cli.command()
@retention_options("runs")
def prune(
    keep: int | None, keep_days: int | None, dry_run: bool, as_json: bool
) -> None:
    """Remove the runs that neither --keep nor --keep-days keeps.

    At least one of them is needed. The promoted run always stays, and so does an
    unfinished run that may be in progress.
    """
    rule = read_rule(keep, keep_days)
    now = datetime.now(UTC)
    verdicts = pruning.prune(export_root(), rule, now, dry_run=dry_run)
    report_verdicts(verdicts, dry_run=dry_run, as_json=as_json)


@cli.command("diff")
@click.argument("before", metavar="RUN_ID")
@click.argument("after", metavar="RUN_ID")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def diff_runs(before: str, after: str, as_json: bool) -> None:
    """Count what came, went and changed from one run to another.

    `promoted` stands for the promoted run. A row is told by its job, activity and
    subject; phones are the distinct phone_number. Nothing personal is printed.
    """
    from publish.differences import diff  # noqa: PLC0415

    root = export_root()
    difference = diff(root, _named(root, before), _named(root, after))
    if as_json:
        click.echo(json.dumps(asdict(difference), indent=2))
    else:
        _print(diff_lines(difference))


def _named(root: Root, name: str) -> str:
    return _chosen(root, None if name == PROMOTED else name)


def _chosen(root: Root, run_id: str | None) -> str:
    """Return the run that was asked for, or else the promoted one."""
    if run_id is None:
        promoted = promoted_run_id(root)
        if promoted is None:
            raise ContractError(
                f"no run is promoted under {root.address()} (EXPORT_ROOT): `dbt build` "
                "promotes one, and `sms publish promote RUN_ID` one that "
                "`sms publish list` shows as complete"
            )
        return promoted
    if check_run_id(run_id) not in root.run_ids():
        raise ConfigError(
            f"run {run_id}: there is none under {root.address()}: "
            "`sms publish list` shows all"
        )
    return run_id


def _newest(root: Root) -> str:
    newest = next(iter(root.run_ids()), None)
    if newest is None:
        raise ContractError(no_runs(root))
    return newest


def _reported(root: Root, run_id: str | None) -> str:
    """Return the run that was asked for, or else the newest, that has a report."""
    candidates = root.run_ids() if run_id is None else [_chosen(root, run_id)]
    for candidate in candidates:
        if REPORT in root.list_files(run_key(candidate)):
            return candidate
    if run_id is None:
        raise ContractError(
            f"no run under {root.address()} (EXPORT_ROOT) has a report: "
            "a whole `dbt build` writes one"
        )
    raise ContractError(f"run {run_id}: has no report")


def _print(lines: list[str]) -> None:
    for line in lines:
        click.echo(line)

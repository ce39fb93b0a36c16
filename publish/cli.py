"""The command `sms publish`: everything about the runs under EXPORT_ROOT."""

import webbrowser
from dataclasses import asdict
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import click

from common.errors import ConfigError, ContractError
from common.options import Percent, json_option
from common.output import print_json
from common.retention import read_rule, report_verdicts, retention_options
from common.text import counted
from publish import promotion, pruning, refreshing
from publish.audit import audit_run, raise_problems
from publish.layout import REPORT, check_run_id, run_key
from publish.production import check_code, check_root
from publish.refreshing import LeftOut
from publish.root import Root
from publish.settings import export_root
from publish.suppressions.addresses import mask
from publish.suppressions.cli import asked_address, email_option, phone_option
from publish.suppressions.current_list import record_current_list
from publish.terminal import (
    describe_run,
    diff_lines,
    list_lines,
    list_runs,
    no_runs,
    promoted_run_id,
    run_state,
    show_lines,
)

PROMOTED = "promoted"

unreadable_option = click.option(
    "--allow-unreadable",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Accept up to N unreadable lines in the list that SUPPRESSIONS_CSV names.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """List, verify, compare, promote and prune the runs under EXPORT_ROOT."""


@cli.command("list")
@json_option
def list_all(as_json: bool) -> None:
    """List all runs, newest first."""
    root = export_root()
    runs = list_runs(root)
    if as_json:
        print_json(runs)
    else:
        _print(list_lines(root, runs))


@cli.command()
@click.argument("run_id", required=False)
@click.option("--latest-run", is_flag=True, help="Show the newest run instead.")
@json_option
def show(run_id: str | None, latest_run: bool, as_json: bool) -> None:
    """Count who was exported, and who was not and why (default: the promoted run)."""
    root = export_root()
    if run_id and latest_run:
        raise ConfigError("give a run id or --latest-run, not both")
    chosen = _newest(root) if latest_run else _chosen(root, run_id)
    manifest, _ = promotion.load_manifest(root, chosen)
    if as_json:
        print_json(describe_run(root, manifest))
    else:
        _print(show_lines(root, manifest))


@cli.command()
@click.argument("run_id", required=False)
@click.option("--open", "opens", is_flag=True, help="Open it in a browser, if any.")
def report(run_id: str | None, *, opens: bool) -> None:
    """Print the address of a run's report (default: the newest one).

    The state of the run follows on standard error, because the page cannot change. A
    copy without people who said stop has no page: that of its source is shown.
    """
    root = export_root()
    chosen, source = _reported(root, run_id)
    address = root.address(run_key(source, REPORT))
    click.echo(address)
    click.echo(f"run {chosen}: {run_state(root, chosen)}", err=True)
    if source != chosen:
        click.echo(_not_its_own(root, chosen, source), err=True)
    if opens and Path(address).is_file():
        webbrowser.open(Path(address).as_uri())


@cli.command()
@click.argument("run_id", required=False)
@json_option
def verify(run_id: str | None, as_json: bool) -> None:
    """Check every file of a run against its manifest (default: the promoted run)."""
    root = export_root()
    chosen = _chosen(root, run_id)
    problems = promotion.verify(root, chosen)
    if as_json:
        print_json({"run_id": chosen, "problems": problems})
    else:
        _print(problems or [f"run {chosen}: all files match the manifest"])
    if problems:
        raise ContractError(f"run {chosen}: {len(problems)} problems found")


@cli.command()
@click.argument("run_id")
@click.option(
    "--accept-change",
    is_flag=True,
    help="Promote it even if its rows differ a lot from the promoted run's, or if it "
    "has people whom the promoted run held back.",
)
@click.option(
    "--leave-out-suppressed",
    is_flag=True,
    help="Promote a copy of it without people who have said stop since.",
)
@unreadable_option
def promote(
    run_id: str, accept_change: bool, leave_out_suppressed: bool, allow_unreadable: int
) -> None:
    """Verify the files of a run and promote it.

    Any finished run can be promoted, so this is also the way back to an earlier one.
    A run with people who have said stop since it was built is refused, whatever the
    options: --leave-out-suppressed promotes a copy without them.
    """
    root = export_root()
    check_root(root)
    check_code()
    record_current_list(root, allow_unreadable)
    began_with = root.current().version
    chosen = _chosen(root, run_id)
    manifest, _ = promotion.load_manifest(root, chosen)
    raise_problems(chosen, audit_run(root, chosen, manifest.files))
    if leave_out_suppressed:
        copy = refreshing.promote_without_stops(
            root, manifest, began_with, accept_change=accept_change
        )
        if copy:
            _print_left_out(chosen, copy)
            return
    moved = refreshing.promote(root, chosen, began_with, accept_change=accept_change)
    click.echo(f"run {chosen}: {'promoted' if moved else 'was promoted already'}")
    if (now := promoted_run_id(root)) != chosen:
        click.echo(
            f"run {now}: promoted in its place, without those who said stop meanwhile"
        )


@cli.command()
@unreadable_option
def refresh(allow_unreadable: int) -> None:
    """Leave people who have said stop since out of the promoted run.

    This promotes a copy of it without them. It needs neither a portal nor a build.
    """
    root = export_root()
    record_current_list(root, allow_unreadable)
    chosen = _chosen(root, None)
    copy = refreshing.refresh(root)
    if copy:
        _print_left_out(chosen, copy)
    else:
        click.echo(f"run {chosen}: nothing to do: no one in it has said stop since")


def _print_left_out(source: str, copy: LeftOut) -> None:
    click.echo(
        f"run {copy.run_id}: promoted. It is run {source} without the "
        f"{counted(copy.rows, 'row')} ({counted(copy.phones, 'phone')}) of people who "
        "said stop"
    )


@cli.command("trace")
@phone_option
@email_option
@click.option("--show", "is_shown", is_flag=True, help="Print the address in full.")
@json_option
def trace_address(
    phone: str | None, email: str | None, is_shown: bool, as_json: bool
) -> None:
    """Show in which runs and rows an address is, and on what evidence.

    It searches every run that is kept, and says when and by whom it was promoted.
    """
    from publish.trace import trace, trace_lines  # noqa: PLC0415

    _, address = asked_address(phone, email)
    shown = address if is_shown else mask(address)
    runs = trace(export_root(), address)
    if as_json:
        print_json({"address": shown, "runs": runs})
    else:
        _print(trace_lines(shown, runs))


@cli.command()
@retention_options("runs")
def prune(
    keep: int | None, keep_days: int | None, dry_run: bool, as_json: bool
) -> None:
    """Remove the runs that neither --keep nor --keep-days keeps.

    Give at least one of them. The promoted run always stays, and so does an
    unfinished run that could still be in progress.
    """
    rule = read_rule(keep, keep_days)
    now = datetime.now(UTC)
    verdicts = pruning.prune(export_root(), rule, now, dry_run=dry_run)
    report_verdicts(verdicts, dry_run=dry_run, as_json=as_json)


@cli.command("diff")
@click.argument("before", metavar="RUN_ID")
@click.argument("after", metavar="RUN_ID")
@click.option("--exit-code", is_flag=True, help="Fail if a row came, went or changed.")
@click.option(
    "--max-change",
    type=Percent(),
    metavar="PERCENT",
    help="Fail if more rows of any portal's audience came or went, as a share of those "
    "before.",
)
@json_option
def diff_runs(
    before: str, after: str, exit_code: bool, max_change: Fraction | None, as_json: bool
) -> int:
    """Count the rows and phones that came, went and changed between two runs.

    `promoted` stands for the promoted run. Job, activity and subject identify a row;
    phones are the distinct values of phone_number. Nothing personal is printed.

    Exit code 1 if the runs differ by more than --exit-code or --max-change allows.
    """
    from publish.differences import diff, exceeds  # noqa: PLC0415

    root = export_root()
    difference = diff(root, _named(root, before), _named(root, after))
    if as_json:
        print_json(asdict(difference))
    else:
        _print(diff_lines(difference))
    limit = Fraction(0) if exit_code else max_change
    return int(exceeds(difference, limit, of_values=exit_code))


def _named(root: Root, name: str) -> str:
    return _chosen(root, None if name == PROMOTED else name)


def _chosen(root: Root, run_id: str | None) -> str:
    """Return the given run, or else the promoted one."""
    if run_id is None:
        promoted = promoted_run_id(root)
        if promoted is None:
            raise ContractError(
                f"no run is promoted under {root.address()} (EXPORT_ROOT): `dbt build` "
                "promotes one, and `sms publish promote RUN_ID` one that "
                "`sms publish list` shows as not promoted"
            )
        return promoted
    if check_run_id(run_id) not in root.run_ids():
        raise ConfigError(
            f"run {run_id}: not found under {root.address()}: "
            "`sms publish list` shows all runs"
        )
    return run_id


def _newest(root: Root) -> str:
    newest = next(iter(root.run_ids()), None)
    if newest is None:
        raise ContractError(no_runs(root))
    return newest


def _reported(root: Root, run_id: str | None) -> tuple[str, str]:
    """Return the given run, or else the newest, and the run whose report it has."""
    candidates = root.run_ids() if run_id is None else [_chosen(root, run_id)]
    for candidate in candidates:
        for origin in _origins(root, candidate):
            if REPORT in root.list_files(run_key(origin)):
                return candidate, origin
    if run_id is None:
        raise ContractError(
            f"no run under {root.address()} (EXPORT_ROOT) has a report: "
            "a whole `dbt build` writes one"
        )
    raise ContractError(f"run {run_id}: has no report")


def _origins(root: Root, run_id: str) -> list[str]:
    """Return a run, the run that it is a copy of, and so on."""
    try:
        manifest, _ = promotion.load_manifest(root, run_id)
    except ContractError:
        return [run_id]
    return [origin.about.run_id for origin in promotion.origins(root, manifest)]


def _not_its_own(root: Root, copy: str, source: str) -> str:
    """Return how the report of a copy's source differs from the copy."""
    ours, theirs = (
        sum(count.exported for count in promotion.load_manifest(root, run)[0].counts)
        for run in (copy, source)
    )
    return (
        f"run {copy}: has no page: this is the page of run {source}. It still counts "
        f"the {counted(theirs - ours, 'row')} of people who have said stop since; "
        f"`sms publish show {copy}` has the counts without them"
    )


def _print(lines: list[str]) -> None:
    for line in lines:
        click.echo(line)

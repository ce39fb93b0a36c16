"""The commands behind `sms extract`, once their options are read."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from logging import CRITICAL, ERROR
from pathlib import Path
from typing import Any

import click

from common.errors import CommandError, ConfigError, ContractError, PortalError
from common.files import private_files
from common.output import print_json
from common.retention import Rule, report_verdicts
from extract import pruning, settings

# The sandbox imports its parts when they are first used: a real load needs none.
from extract import sandbox as built_in
from extract.carry import Reuse
from extract.check import check as check_portals
from extract.client import Ask, utc_text
from extract.landing import accept, begun_at, current_id, is_held_back, list_loads
from extract.load import REUSED, Limits, Plan, run
from extract.logs import LogFormat, open_log
from extract.portals import read_portals
from extract.progress import progress
from extract.pruning import LoadsInUse
from extract.resume import code_digest
from extract.sandbox.cli import Size
from extract.shrink import SANDBOX, shrink_message
from extract.stopping import STOPS, stoppable

STOPPED = "stopped by a signal; the next load resumes from here"


def load(
    landing: Path,
    *,
    keys: Sequence[str] = (),
    jobs: Sequence[str] = (),
    jobs_from: str | None = None,
    sandbox: bool = False,
    size: Size | None = None,
    concurrency: int = 8,
    rate: int | None = None,
    log_format: LogFormat | None = None,
    reuse: Reuse | None = None,
    limits: Limits | None = None,
    **patience: Any,  # noqa: ANN401  (arguments of settings.patience)
) -> None:
    """Make one load, of the built-in sandbox if asked."""
    portals = settings.choose_portals(read_portals(), keys, sandbox)
    access = settings.read_access(portals, os.environ, sandbox)
    patient = settings.patience(access, **patience)
    asks = settings.asks(portals, rate, access)
    chosen = settings.read_jobs(jobs, jobs_from)
    with ExitStack() as stack:
        stack.enter_context(stoppable())
        if sandbox:
            asks = stack.enter_context(_asked_in_process(asks, size or Size()))
        plan = Plan(
            asks,
            landing,
            concurrency,
            chosen,
            patient,
            reuse or Reuse(),
            limits or Limits(),
        )
        facts = _show_load(plan, log_format)
    _refuse_not_current(landing, facts)


@contextmanager
def _asked_in_process(asks: list[Ask], size: Size) -> Iterator[list[Ask]]:
    made_up = (
        f"{size.jobs}x{size.subjects} seed {size.seed} of {size.today} by "
        f"{code_digest()[:8]}"
    )
    with built_in.serve(size.world()) as server:
        yield [
            replace(
                ask,
                portal=ask.portal.moved_to(server.url),
                world=f"{SANDBOX}{ask.portal.base_path} {made_up}",
            )
            for ask in asks
        ]


def _show_load(plan: Plan, log_format: LogFormat | None) -> dict[str, Any]:
    """Make the load; show progress bars on a terminal unless a log format is given."""
    has_bars = log_format is None and sys.stderr.isatty()
    on_screen = has_bars and sys.stdout.isatty()
    log = open_log(log_format or ("text" if on_screen else "json"))
    try:
        with progress(plan.asks) if has_bars else nullcontext():
            facts = run(plan, open_log("text", ERROR) if on_screen else log)
    except CommandError as error:
        # On a terminal the error itself follows anyway.
        if not (sys.stderr.isatty() and sys.stdout.isatty()):
            log.error("load_failed", reason=str(error))  # noqa: TRY400  (no traceback)
        raise
    except STOPS:
        log.error("load_stopped", reason=STOPPED)  # noqa: TRY400
        raise
    log.info("load_complete", **_summary(facts, plan))
    return facts


def check(keys: tuple[str, ...], timeout: timedelta | None, *, as_json: bool) -> None:
    """Ask each portal once; PortalError if any cannot be read."""
    portals = settings.choose_portals(read_portals(), keys, sandbox=False)
    access = settings.read_access(portals, os.environ, sandbox=False)
    asks = settings.asks(portals, None, access)
    patience = settings.patience(access, attempts=1, timeout=timeout)
    findings = check_portals(asks, patience, open_log("text", CRITICAL))
    if as_json:
        print_json([asdict(one) for one in findings])
    else:
        width = max(len(one.portal) for one in findings)
        for one in findings:
            verdict = "right" if one.is_right else "WRONG"
            click.echo(f"{one.portal:<{width}}  {verdict}  {one.message}")
    if wrong := sum(not one.is_right for one in findings):
        raise PortalError(f"{wrong} of {len(findings)} portals cannot be read")


def _summary(facts: dict[str, Any], plan: Plan) -> dict[str, Any]:
    of_load = ("load_id", "requests", "rows", "seconds", "current")
    of_meters = ("jobs", "gone_jobs", "retries")
    portals = facts["portals"].values()
    return (
        {name: facts[name] for name in of_load}
        | {name: sum(getattr(a.meter, name) for a in plan.asks) for name in of_meters}
        | {
            what: {entity: sum(p[what][entity] for p in portals) for entity in REUSED}
            for what in ("asked", "carried")
        }
        | {"resumed_jobs": sum(p["resumed_jobs"] for p in portals)}
    )


def _refuse_not_current(landing: Path, facts: dict[str, Any]) -> None:
    """Fail if the load is landed but cannot become current."""
    load_id, current = facts["load_id"], current_id(landing)
    if is_held_back(facts):
        raise ContractError(shrink_message(load_id, facts["shrunk"]))
    if current and not facts["current"] and begun_at(current) > datetime.now(UTC):
        raise ContractError(
            f"load {load_id} is landed but not current: the current one, {current}, "
            "began in the future; once the clock is right, remove that load"
        )


def loads(landing: Path, *, as_json: bool) -> None:
    """List the complete loads, newest first; * marks the current one."""
    listed = list_loads(landing)
    if as_json:
        print_json(listed)
        return
    if not listed:
        click.echo(f"no loads in {landing}: `sms extract load` makes one", err=True)
    for facts in listed:
        held_back = "  held back: far fewer subjects than before"
        rows = facts.get("rows")
        click.echo(
            f"{'*' if facts['current'] else ' '} {facts['load_id']}  "
            f"{facts['extracted_at'][:19]}Z  {','.join(facts['portals'])}  "
            f"{'?' if rows is None else sum(rows.values())} rows  "
            f"{facts.get('requests', '?')} requests"
            f"{held_back if is_held_back(facts) else ''}"
        )


def accept_load(landing: Path, load_id: str) -> None:
    """Make a held-back load the current one."""
    with private_files():
        moved = accept(landing, load_id, utc_text(datetime.now(UTC)))
    click.echo(f"load {load_id} {'is current now' if moved else 'was already current'}")


def prune(
    landing: Path,
    rule: Rule,
    loads_in_use: LoadsInUse,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Remove old loads and abandoned stagings, and report each."""
    if not landing.is_dir():
        raise ConfigError(f"there is no landing in {landing}")
    with private_files():
        now = datetime.now(UTC)
        verdicts = pruning.prune(landing, loads_in_use, rule, now, dry_run=dry_run)
        report_verdicts(verdicts, dry_run=dry_run, as_json=as_json)

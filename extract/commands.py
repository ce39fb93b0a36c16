"""What the commands do, once their options are read."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from logging import CRITICAL, ERROR
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

# The sandbox imports its parts when they are first used: a real load needs none.
from extract import sandbox as built_in
from extract import settings
from extract.check import check as check_portals
from extract.client import Patience
from extract.errors import ConfigError, ExtractError, PortalError
from extract.landing import list_loads
from extract.load import Ask, Plan, run
from extract.logs import LogFormat, open_log
from extract.portals import read_portals
from extract.progress import progress

if TYPE_CHECKING:
    from extract.sandbox import World


@dataclass(frozen=True)
class Wanted:
    """The options of `extract load`. No patience: the usual."""

    portals: tuple[str, ...]
    jobs: tuple[str, ...]
    jobs_from: str | None
    is_sandbox: bool
    landing: Path
    concurrency: int
    rate: int | None
    log_format: LogFormat | None
    patience: Patience | None = None


@dataclass(frozen=True)
class SandboxSize:
    """What the sandbox is to be like; no `today`: the day that it is, in UTC."""

    jobs: int
    subjects: int
    seed: int
    today: date | None = None


def load(wanted: Wanted, sandbox: SandboxSize) -> None:
    """Make one load, of the built-in sandbox if that is wanted."""
    portals = settings.choose_portals(read_portals(), wanted.portals, wanted.is_sandbox)
    access = settings.read_access(portals, os.environ, wanted.is_sandbox)
    asks = settings.asks(portals, wanted.rate, access)
    jobs = settings.read_jobs(wanted.jobs, wanted.jobs_from)
    with ExitStack() as stack:
        if wanted.is_sandbox:
            asks = stack.enter_context(_asked_in_process(asks, sandbox))
        plan = Plan(
            asks,
            wanted.landing,
            wanted.concurrency,
            jobs,
            wanted.patience or access.patience(),
        )
        _show_load(plan, wanted.log_format)


@contextmanager
def _asked_in_process(asks: list[Ask], sandbox: SandboxSize) -> Iterator[list[Ask]]:
    with built_in.serve(_world(sandbox)) as server:
        yield [replace(ask, portal=ask.portal.moved_to(server.url)) for ask in asks]


def _show_load(plan: Plan, log_format: LogFormat | None) -> None:
    """Read and land; on a terminal, unless a format is asked for, behind bars."""
    has_bars = log_format is None and sys.stderr.isatty()
    on_screen = has_bars and sys.stdout.isatty()
    log = open_log(log_format or ("text" if on_screen else "json"))
    try:
        with progress(plan.asks) if has_bars else nullcontext():
            facts = run(plan, open_log("text", ERROR) if on_screen else log)
    except ExtractError as error:
        # On one screen with the error itself, the line would only say it twice.
        if not (sys.stderr.isatty() and sys.stdout.isatty()):
            log.error("load_failed", reason=str(error))  # noqa: TRY400  (no traceback)
        raise
    log.info("load_complete", **_summary(facts, plan))


def check(keys: tuple[str, ...]) -> None:
    """Ask each portal once; PortalError if any is not as it should be."""
    portals = settings.choose_portals(read_portals(), keys, sandbox=False)
    access = settings.read_access(portals, os.environ, sandbox=False)
    asks = settings.asks(portals, None, access)
    patience = replace(access.patience(), attempts=1, short_attempts=1)
    findings = check_portals(asks, patience, open_log("text", CRITICAL))
    width = max(len(one.portal) for one in findings)
    for one in findings:
        verdict = "right" if one.is_right else "WRONG"
        click.echo(f"{one.portal:<{width}}  {verdict}  {one.words}")
    if wrong := sum(not one.is_right for one in findings):
        raise PortalError(f"{wrong} of {len(findings)} portals cannot be read")


def _summary(facts: dict[str, Any], plan: Plan) -> dict[str, Any]:
    of_load = ("load_id", "requests", "rows", "seconds", "current")
    of_meters = ("jobs", "gone_jobs", "retries")
    return {name: facts[name] for name in of_load} | {
        name: sum(getattr(ask.meter, name) for ask in plan.asks) for name in of_meters
    }


def loads(landing: Path) -> None:
    """List the complete loads, newest first; * marks the current one."""
    for facts in list_loads(landing):
        click.echo(
            f"{'*' if facts['current'] else ' '} {facts['load_id']}  "
            f"{facts['extracted_at'][:19]}Z  {','.join(facts['portals'])}  "
            f"{sum(facts['rows'].values())} rows  {facts['requests']} requests"
        )


def sandbox(size: SandboxSize, port: int, latency_ms: float) -> None:
    """Serve the sandbox portal until stopped; ConfigError if the port is taken."""
    world = _world(size)
    try:
        built_in.run_forever(
            world, port, latency_ms, on_ready=partial(_announce, world)
        )
    except OSError as error:
        raise ConfigError(f"port {port}: {os.strerror(error.errno or 0)}") from error


def _announce(world: "World", url: str) -> None:
    for key in world["portals"]:
        click.echo(f"{url}/{key}/api/v1")
    click.echo(
        f"user name {built_in.SANDBOX_USERNAME}, password {built_in.SANDBOX_PASSWORD}"
    )


def _world(size: SandboxSize) -> "World":
    today = size.today or datetime.now(UTC).date()
    return built_in.generate(size.jobs, size.subjects, size.seed, today)

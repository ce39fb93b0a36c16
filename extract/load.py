"""One load: what the portals say now, landed whole or not at all.

A portal's activities name its jobs. Each job is read by itself: details, both order
lists, registrations, then the users that nobody has asked for yet, then access keys.
Portals, jobs and requests run side by side within each portal's pace.
"""

import asyncio
import secrets
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from structlog.typing import FilteringBoundLogger

from extract import portal as api
from extract import shapes
from extract.client import (
    Client,
    Credentials,
    Meter,
    Patience,
    open_lines,
    utc_text,
)
from extract.errors import ConfigError, NotFoundError, PortalError
from extract.files import private_files, storage
from extract.landing import SCHEMA, open_duckdb, publish, write_parquet
from extract.pace import Pace
from extract.portals import Portal
from extract.staging import PortalRows, Rows, staging
from extract.urls import segment

MAX_GONE = 0.1
MAX_QUARANTINE = 0.01


@dataclass(frozen=True)
class Ask:
    """A portal to read: with what credentials, and at most how often a second."""

    portal: Portal
    credentials: Credentials
    rate: int
    meter: Meter = field(default_factory=Meter)


@dataclass(frozen=True)
class Plan:
    """What a load is to read, and where it lands. No jobs: all that are on sale."""

    asks: list[Ask]
    landing: Path
    concurrency: int
    jobs: frozenset[str] = frozenset()
    patience: Patience = field(default_factory=Patience)


def run(plan: Plan, log: FilteringBoundLogger) -> dict[str, Any]:
    """Make one load; give the facts of its load.json and whether it is `current`.

    The meters of the plan's portals are kept up to date meanwhile. Raises ConfigError
    for a job that is on sale nowhere, PortalError and StorageError: the landing is then
    as it was.
    """
    started, clock = datetime.now(UTC), time.monotonic()
    load_id = f"{started:%Y%m%dT%H%M%S%fZ}-{secrets.token_hex(4)}"
    keys = [ask.portal.key for ask in plan.asks]
    log.info("load_started", load_id=load_id, portals=keys)
    with private_files(), staging(plan.landing, load_id) as folder:
        staged = asyncio.run(_read_all(plan, folder / "rows", log))
        _write_portals(folder, staged, log)
        portals = {a.portal.key: _facts(a, staged[a.portal.key]) for a in plan.asks}
        facts = {
            "load_id": load_id,
            "extracted_at": utc_text(started),
            "finished_at": utc_text(datetime.now(UTC)),
            "code_version": version("sms-campaigns"),
            "portals": portals,
            "rows": _by_entity(sum((s.counts() for s in staged.values()), Counter())),
            "requests": sum(ask.meter.requests for ask in plan.asks),
            "seconds": round(time.monotonic() - clock, 3),
        }
        is_current = publish(plan.landing, folder / "load", facts)
    return {**facts, "current": is_current}


def _facts(ask: Ask, staged: PortalRows) -> dict[str, Any]:
    return {
        "base_url": ask.portal.base_url,
        "jobs": ask.meter.jobs,
        "rows": _by_entity(staged.counts()),
        "requests": ask.meter.requests,
        "gone_jobs": ask.meter.gone_jobs,
    }


def _by_entity(counts: Counter[str]) -> dict[str, int]:
    return {entity: counts[entity] for entity in SCHEMA}


def _write_portals(
    folder: Path, staged: dict[str, PortalRows], log: FilteringBoundLogger
) -> None:
    started = time.monotonic()
    with open_duckdb(folder / "scratch") as connection:
        for key, portal in staged.items():
            target = folder / "load" / f"portal={key}"
            with storage(target):
                target.mkdir(parents=True)
            for entity, rows in _by_entity(portal.counts()).items():
                path = target / f"{entity}.parquet"
                write_parquet(connection, entity, portal.files(entity), path, rows)
    log.info("parquet_written", seconds=round(time.monotonic() - started, 3))


# Reading


@dataclass(frozen=True)
class Reading:
    """One portal while it is being read. `users`: who can be reached, once known."""

    client: Client
    staged: PortalRows
    concurrency: int
    log: FilteringBoundLogger
    users: dict[str, asyncio.Future[bool]] = field(default_factory=dict)


async def _read_all(
    plan: Plan, folder: Path, log: FilteringBoundLogger
) -> dict[str, PortalRows]:
    """Read all portals side by side, and give what has been staged of each."""
    staged = {ask.portal.key: PortalRows(folder / ask.portal.key) for ask in plan.asks}
    listings = [asyncio.get_running_loop().create_future() for _ in plan.asks]
    deadline = plan.patience.run_deadline
    try:
        async with asyncio.timeout(deadline):
            await _together(
                _refuse_unlisted(plan.jobs, listings),
                *(
                    _read_portal(plan, ask, staged[ask.portal.key], listing, log)
                    for ask, listing in zip(plan.asks, listings, strict=True)
                ),
            )
    except TimeoutError:
        raise PortalError(f"the load took longer than {deadline:g} seconds") from None
    return staged


async def _refuse_unlisted(
    jobs: frozenset[str], listings: list[asyncio.Future[set[str]]]
) -> None:
    on_sale: set[str] = set().union(*[await listing for listing in listings])
    if unlisted := sorted(jobs - on_sale):
        names = ", ".join(segment(job) for job in unlisted)
        raise ConfigError(f"on sale in none of the asked portals: job {names}")


async def _read_portal(
    plan: Plan,
    ask: Ask,
    staged: PortalRows,
    listing: asyncio.Future[set[str]],
    log: FilteringBoundLogger,
) -> None:
    started = time.monotonic()
    with staged.own:
        async with open_lines(plan.concurrency) as lines:
            client = Client(
                lines,
                portal=ask.portal,
                credentials=ask.credentials,
                pace=Pace(plan.concurrency, ask.rate),
                meter=ask.meter,
                log=log,
                patience=plan.patience,
                scratch=staged.own.folder,
            )
            reading = Reading(client, staged, plan.concurrency, log)
            jobs = await _read_activities(reading, plan.jobs)
            listing.set_result(set(jobs))
            await _each(jobs, partial(_read_job, reading), plan.concurrency)
    _refuse_too_many_gone(ask)
    _refuse_too_many_quarantined(ask, staged)
    log.info(
        "portal_read",
        portal=ask.portal.key,
        **_facts(ask, staged),
        retries=ask.meter.retries,
        seconds=round(time.monotonic() - started, 3),
    )


def _refuse_too_many_gone(ask: Ask) -> None:
    gone, jobs = ask.meter.gone_jobs, ask.meter.jobs
    if gone > max(1, MAX_GONE * jobs) or 0 < gone == jobs:
        raise PortalError(
            f"portal {ask.portal.key}: {gone} of {jobs} jobs are gone, "
            f"more than {MAX_GONE:.0%}"
        )


def _refuse_too_many_quarantined(ask: Ask, staged: PortalRows) -> None:
    counts = staged.counts()
    for entity, refused in staged.quarantined().items():
        if refused > max(1, MAX_QUARANTINE * (counts[entity] + refused)):
            raise PortalError(
                f"portal {ask.portal.key}: {refused} rows of {entity} are quarantined, "
                f"more than {MAX_QUARANTINE:.0%}"
            )


async def _read_activities(reading: Reading, wanted: frozenset[str]) -> list[str]:
    rows, jobs = reading.staged.own, dict[str, None]()
    async for listed in api.activities(reading.client):
        if wanted and shapes.job_of(listed.raw) not in wanted:
            continue
        build = partial(shapes.activity_row, listed.raw, listed.position)
        where = f"activities/{listed.position}"
        if row := rows.add("activities", where, listed.fetched_at, build):
            jobs[row["job_uuid"]] = None
    reading.client.meter.jobs = len(jobs)
    reading.log.info(
        "jobs_listed",
        portal=reading.client.portal.key,
        activities=rows.counts["activities"],
        jobs=len(jobs),
    )
    return list(jobs)


# Reading one job


@dataclass(frozen=True)
class JobReading:
    """One job while it is being read, and which of its subjects can be reached.

    `registered` has the subjects of each user.
    """

    of: Reading
    job: str
    rows: Rows
    listed: set[str] = field(default_factory=set)
    reachable: set[str] = field(default_factory=set)
    registered: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @property
    def client(self) -> Client:
        """The client of the job's portal."""
        return self.of.client


async def _read_job(reading: Reading, job: str) -> None:
    started = time.monotonic()
    try:
        with reading.staged.job(job) as rows:
            await _read_whole_job(JobReading(reading, job, rows))
    except NotFoundError:
        if await _exists(reading.client, job):
            raise
        with reading.staged.job(job) as rows:
            build = partial(shapes.job_row, job, None, None, is_gone=True)
            rows.add("jobs", job, utc_text(datetime.now(UTC)), build)
        reading.client.meter.gone_jobs += 1
    reading.client.meter.jobs_read += 1
    reading.log.info(
        "job_read",
        portal=reading.client.portal.key,
        job=job,
        rows=dict(rows.counts),
        seconds=round(time.monotonic() - started, 3),
    )


async def _exists(client: Client, job: str) -> bool:
    try:
        await api.job_details(client, job)
    except NotFoundError:
        return False
    return True


async def _read_whole_job(this: JobReading) -> None:
    """Read all of a job; NotFoundError when some of it is gone."""
    await _read_details(this)
    await _together(
        _read_subjects(this, "buyers"),
        _read_subjects(this, "non_buyers"),
        _read_registrations(this),
    )
    # More than may be in flight: one that waits to try again is then not missed.
    workers = 2 * this.of.concurrency
    await _each(this.registered, partial(_read_user, this), workers)
    asked = sorted(this.listed & this.reachable)
    missing: list[str] = []
    await _each(asked, partial(_read_access_keys, this, missing), workers)
    if asked and len(missing) == len(asked):
        # So it looks when the job itself has gone meanwhile.
        await api.job_details(this.client, this.job)


async def _read_details(this: JobReading) -> None:
    answer = await api.job_details(this.client, this.job)
    job, rows, details = this.job, this.rows, answer.value
    build = partial(shapes.job_row, job, details.name, details.payload)
    if not rows.add("jobs", job, answer.fetched_at, build):
        # Its subjects still need a job to belong to.
        rows.add(
            "jobs", job, answer.fetched_at, partial(shapes.job_row, job, None, None)
        )
    for position, member in enumerate(details.images):
        where = f"{job}/images/{position}"
        build = partial(shapes.image_row, job, member, position)
        rows.add("images", where, answer.fetched_at, build)
    for position, member in enumerate(details.subjects):
        _add_subject(this, "job_details", position, member, answer.fetched_at)


async def _read_subjects(this: JobReading, listed_in: str) -> None:
    async for one in api.subjects(this.client, this.job, listed_in):
        member = (None, one.raw)
        row = _add_subject(this, listed_in, one.position, member, one.fetched_at)
        if row:
            this.listed.add(row["subject_uuid"])


def _add_subject(
    this: JobReading,
    listed_in: str,
    position: int,
    member: shapes.Member,
    fetched_at: str,
) -> shapes.Row | None:
    where = f"{this.job}/{listed_in}/{position}"
    build = partial(shapes.subject_row, this.job, listed_in, member, position)
    row = this.rows.add("subjects", where, fetched_at, build)
    if row and shapes.is_reachable(row):
        this.reachable.add(row["subject_uuid"])
    return row


async def _read_registrations(this: JobReading) -> None:
    async for one in api.registrations(this.client, this.job):
        where = f"{this.job}/users/{one.position}"
        build = partial(shapes.registration_row, this.job, one.raw, one.position)
        if row := this.rows.add("registrations", where, one.fetched_at, build):
            this.registered[row["user_uuid"]].add(row["subject_uuid"])
            if not shapes.is_blank(row["email"]):
                this.reachable.add(row["subject_uuid"])


async def _read_user(this: JobReading, user: str) -> None:
    if await _is_reachable_user(this, user):
        this.reachable.update(this.registered[user])


async def _is_reachable_user(this: JobReading, user: str) -> bool:
    """Read a user once for all jobs, and say whether there is any contact."""
    users = this.of.users
    if user in users:
        return await asyncio.shield(users[user])
    users[user] = asyncio.get_running_loop().create_future()
    try:
        row = await _read_new_user(this, user)
    except BaseException:
        users[user].cancel()
        raise
    contacts = (row["email_address"], row["phone_number"])
    users[user].set_result(not all(map(shapes.is_blank, contacts)))
    return users[user].result()


async def _read_new_user(this: JobReading, user: str) -> shapes.Row:
    raw: dict[str, Any] | None = None
    try:
        answer = await api.user(this.client, user, this.job)
        raw, fetched_at = answer.value, answer.fetched_at
    except NotFoundError:
        fetched_at = utc_text(datetime.now(UTC))
    add = partial(this.of.staged.own.add, "users", user, fetched_at)
    unknown = partial(shapes.user_row, user, {})
    return add(partial(shapes.user_row, user, raw)) or add(unknown) or unknown()


async def _read_access_keys(this: JobReading, missing: list[str], subject: str) -> None:
    found: shapes.AccessKeys | None = None
    try:
        answer = await api.access_keys(this.client, this.job, subject)
        found, fetched_at = answer.value, answer.fetched_at
    except NotFoundError:
        missing.append(subject)
        fetched_at = utc_text(datetime.now(UTC))
    build = partial(shapes.access_keys_row, this.job, subject, found)
    this.rows.add("access_keys", f"{this.job}/{subject}", fetched_at, build)


# Side by side


async def _together(*work: Coroutine[Any, Any, None]) -> None:
    """Run all of it at once; the first failure cancels the rest and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(one)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def _each[T](
    items: Iterable[T], work: Callable[[T], Awaitable[None]], limit: int
) -> None:
    """Work on all items, `limit` of them at a time."""
    waiting = iter(list(items))

    async def worker() -> None:
        for item in waiting:
            await work(item)

    await _together(*(worker() for _ in range(limit)))

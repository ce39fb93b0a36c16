"""One load: the portals' data as of now, landed completely or not at all.

A portal's activities name its jobs. For each job these are read: details, both order
lists, registrations, then its users that are not known yet, then access keys. Portals,
jobs and requests run concurrently within each portal's pace.

A load reuses jobs that an interrupted load has read (`extract.resume`), and users and
access keys of complete loads (`extract.carry`).
"""

import asyncio
import secrets
import time
from collections import Counter, defaultdict
from collections.abc import (
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from structlog.typing import FilteringBoundLogger

from common.errors import ConfigError, NotFoundError, PortalError
from common.files import private_files, storage
from extract import portal as api
from extract import shapes
from extract.carry import Earlier, Known, Reuse, known_already, window
from extract.client import Ask, Client, Patience, connect, utc_text
from extract.landing import (
    SCHEMA,
    Load,
    land,
    open_duckdb,
    read_loads,
    write_parquet,
)
from extract.resume import LOAD, ROWS, SCRATCH, Interrupted, staging, wanted_of
from extract.shrink import Comparison, find_shrunk
from extract.staging import PortalRows, Rows, Staged, field_of
from extract.urls import segment

REUSED = ("access_keys", "users")


@dataclass(frozen=True)
class Limits:
    """The shares (of 1) at which a load fails or is held back."""

    max_gone: float = 0.1
    max_quarantine: float = 0.01
    min_ratio: float = 0.5
    accepts_shrink: bool = False


@dataclass(frozen=True)
class Plan:
    """What a load reads, and where it lands. Empty `jobs`: all that are on sale."""

    asks: list[Ask]
    landing: Path
    concurrency: int
    jobs: frozenset[str] = frozenset()
    patience: Patience = field(default_factory=Patience)
    reuse: Reuse = field(default_factory=Reuse)
    limits: Limits = field(default_factory=Limits)


def run(plan: Plan, log: FilteringBoundLogger) -> dict[str, Any]:
    """Make one load; return the facts of its load.json and whether it is `current`.

    Keep the meters of the plan's portals up to date. Raise ConfigError for a job that
    is not on sale, PortalError and StorageError; the landing is then unchanged.
    """
    started, clock = datetime.now(UTC), time.monotonic()
    load_id = f"{started:%Y%m%dT%H%M%S%fZ}-{secrets.token_hex(4)}"
    keys = [ask.portal.key for ask in plan.asks]
    log.info("load_started", load_id=load_id, portals=keys)
    sources = {ask.portal.key: ask.source for ask in plan.asks}
    interrupted = Interrupted(
        wanted_of(sources, plan.jobs),
        window(started, plan.reuse.resume_within),
        plan.reuse.is_fresh,
    )
    with private_files(), staging(plan.landing, load_id, interrupted) as folder:
        loads = read_loads(plan.landing, log)
        with known_already(
            folder, sources, loads, reuse=plan.reuse, started=started, log=log
        ) as earlier:
            staged = asyncio.run(_read_all(plan, folder / ROWS, earlier, log))
        _write_portals(folder, staged, log)
        facts = {
            "load_id": load_id,
            "extracted_at": utc_text(started),
            **_facts_of_all(plan, staged),
            "seconds": round(time.monotonic() - clock, 3),
            # Read again, as a prune may have removed some meanwhile.
            **_shrunk(plan, folder / LOAD, sources, read_loads(plan.landing), log),
        }
        is_current = land(plan.landing, folder / LOAD, facts)
    return {**facts, "current": is_current}


def _facts_of_all(plan: Plan, staged: dict[str, PortalRows]) -> dict[str, Any]:
    return {
        "finished_at": utc_text(datetime.now(UTC)),
        "code_version": version("sms-campaigns"),
        "only_jobs": len(plan.jobs),
        "portals": {a.portal.key: _facts(a, staged[a.portal.key]) for a in plan.asks},
        "rows": _by_entity(sum((s.counts() for s in staged.values()), Counter())),
        "requests": sum(ask.meter.requests for ask in plan.asks),
    }


def _facts(ask: Ask, staged: PortalRows) -> dict[str, Any]:
    carried = staged.carried()
    return {
        "base_url": ask.portal.base_url,
        "source": ask.source,
        "jobs": ask.meter.jobs,
        "rows": _by_entity(staged.counts()),
        "requests": ask.meter.requests,
        "gone_jobs": ask.meter.gone_jobs,
        "asked": {entity: staged.asked[entity] for entity in REUSED},
        "carried": {entity: carried[entity] for entity in REUSED},
        "resumed_jobs": staged.resumed_jobs,
        "resumed_users": staged.resumed_users,
    }


def _by_entity(counts: Counter[str]) -> dict[str, int]:
    return {entity: counts[entity] for entity in SCHEMA}


def _shrunk(
    plan: Plan,
    folder: Path,
    sources: Mapping[str, str],
    loads: Sequence[Load],
    log: FilteringBoundLogger,
) -> dict[str, Any]:
    """Return the facts on portals with far fewer subjects than before."""
    with open_duckdb(folder.with_name(SCRATCH)) as engine:
        this = Comparison(engine, loads, plan.jobs, plan.limits.min_ratio, log)
        shrunk = find_shrunk(this, folder, sources)
    if shrunk and plan.limits.accepts_shrink:
        return {"shrunk": shrunk, "accepted_at": utc_text(datetime.now(UTC))}
    return {"shrunk": shrunk}


def _write_portals(
    folder: Path, staged: dict[str, PortalRows], log: FilteringBoundLogger
) -> None:
    started = time.monotonic()
    with open_duckdb(folder / SCRATCH) as connection:
        for key, portal in staged.items():
            target = folder / LOAD / f"portal={key}"
            with storage(target):
                target.mkdir(parents=True)
            for entity, rows in _by_entity(portal.counts()).items():
                path = target / f"{entity}.parquet"
                write_parquet(connection, entity, portal.files(entity), path, rows)
    log.info("parquet_written", seconds=round(time.monotonic() - started, 3))


# Reading


@dataclass(frozen=True)
class Reading:
    """One portal while it is being read. `users`: whether each has a contact."""

    client: Client
    staged: PortalRows
    earlier: Earlier
    concurrency: int
    log: FilteringBoundLogger
    users: dict[str, asyncio.Future[bool]] = field(default_factory=dict)


async def _read_all(
    plan: Plan, folder: Path, earlier: dict[str, Earlier], log: FilteringBoundLogger
) -> dict[str, PortalRows]:
    """Read all portals concurrently; return the staged rows of each."""
    staged = {ask.portal.key: PortalRows(folder / ask.portal.key) for ask in plan.asks}
    listings = [asyncio.get_running_loop().create_future() for _ in plan.asks]
    deadline = plan.patience.run_deadline
    try:
        async with asyncio.timeout(deadline):
            await _together(
                _refuse_unlisted(plan.jobs, listings),
                *(
                    _read_portal(
                        plan,
                        ask,
                        staged=staged[ask.portal.key],
                        earlier=earlier[ask.portal.key],
                        listing=listing,
                        log=log,
                    )
                    for ask, listing in zip(plan.asks, listings, strict=True)
                ),
            )
    except TimeoutError:
        left = ", ".join(
            f"portal {ask.portal.key} ({ask.meter.jobs_read} of {ask.meter.jobs} jobs "
            "read)"
            for ask in plan.asks
            if not ask.meter.is_read
        )
        raise PortalError(
            f"the load took longer than {deadline:g} seconds: {left}"
        ) from None
    return staged


async def _refuse_unlisted(
    jobs: frozenset[str], listings: list[asyncio.Future[set[str]]]
) -> None:
    on_sale: set[str] = set().union(*[await listing for listing in listings])
    if unlisted := sorted(jobs - on_sale):
        names = ", ".join(segment(job) for job in unlisted)
        raise ConfigError(f"not on sale in any of the portals: job {names}")


async def _read_portal(
    plan: Plan,
    ask: Ask,
    *,
    staged: PortalRows,
    earlier: Earlier,
    listing: asyncio.Future[set[str]],
    log: FilteringBoundLogger,
) -> None:
    started = time.monotonic()
    with staged.own:
        scratch = staged.own.staged.folder
        async with connect(
            ask, plan.concurrency, plan.patience, scratch, log
        ) as client:
            reading = Reading(client, staged, earlier, plan.concurrency, log)
            jobs = await _read_activities(reading, plan.jobs)
            listing.set_result(set(jobs))
            await _each(jobs, partial(_read_job, reading), plan.concurrency)
    _refuse_too_many_gone(ask, plan.limits.max_gone)
    _refuse_too_many_quarantined(ask, staged, plan.limits.max_quarantine)
    log.info(
        "portal_read",
        portal=ask.portal.key,
        **_facts(ask, staged),
        retries=ask.meter.retries,
        seconds=round(time.monotonic() - started, 3),
    )


def _refuse_too_many_gone(ask: Ask, most: float) -> None:
    gone, jobs = ask.meter.gone_jobs, ask.meter.jobs
    if gone > max(1, most * jobs) or 0 < gone == jobs:
        raise PortalError(
            f"portal {ask.portal.key}: {gone} of {jobs} jobs are gone, "
            f"more than {most:.0%}; first job {segment(ask.meter.gone[0])}"
        )


def _refuse_too_many_quarantined(ask: Ask, staged: PortalRows, most: float) -> None:
    counts = staged.counts()
    # Tolerate a single bad row, unless the share is 0.
    spare = 1 if most else 0
    for entity, refused in staged.quarantined().items():
        if refused > max(spare, most * (counts[entity] + refused)):
            raise PortalError(
                f"portal {ask.portal.key}: {refused} rows of {entity} are quarantined, "
                f"more than {most:.2%}; first {staged.first_bad(entity)}"
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
        activities=rows.staged.counts["activities"],
        jobs=len(jobs),
    )
    return list(jobs)


# Reading one job


@dataclass(frozen=True)
class JobReading:
    """One job while it is being read.

    `listed` has the subjects of its order lists, `reachable` those with any contact,
    `registered` the subjects of each user.
    """

    of: Reading
    job: str
    rows: Rows
    listed: set[str] = field(default_factory=set)
    reachable: set[str] = field(default_factory=set)
    registered: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


async def _read_job(reading: Reading, job: str) -> None:
    if await _resume_job(reading, job):
        return
    started, read_at = time.monotonic(), utc_text(datetime.now(UTC))
    try:
        with reading.staged.job(job, read_at) as rows:
            await _read_whole_job(JobReading(reading, job, rows))
    except NotFoundError:
        if await _exists(reading.client, job):
            raise
        with reading.staged.job(job, read_at, is_gone=True) as rows:
            build = partial(shapes.job_row, job, None, None, is_gone=True)
            rows.add("jobs", job, utc_text(datetime.now(UTC)), build)
        reading.client.meter.gone.append(job)
    _note_job(reading, "job_read", job, rows.staged, started)


async def _resume_job(reading: Reading, job: str) -> bool:
    """Reuse the job if an interrupted load has read it; return whether it has."""
    started, earlier = time.monotonic(), reading.earlier
    staged = reading.staged.resume(job, earlier.reading, earlier.ages["access_keys"])
    if staged is None:
        return False
    users = {*field_of(staged.file("registrations"), "user_uuid")}
    workers = 2 * reading.concurrency
    await _each(users, partial(_is_reachable_user, reading, job), workers)
    _note_job(reading, "job_resumed", job, staged, started)
    return True


def _note_job(
    reading: Reading, event: str, job: str, staged: Staged, started: float
) -> None:
    reading.client.meter.jobs_read += 1
    reading.log.info(
        event,
        portal=reading.client.portal.key,
        job=job,
        rows=dict(staged.counts),
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
    # More workers than requests in flight, as some wait to retry.
    workers = 2 * this.of.concurrency
    await _each(this.registered, partial(_read_user, this), workers)
    await _take_access_keys(this, workers)


async def _read_details(this: JobReading) -> None:
    answer = await api.job_details(this.of.client, this.job)
    job, rows, details = this.job, this.rows, answer.value
    build = partial(shapes.job_row, job, details.name, details.payload)
    if not rows.add("jobs", job, answer.fetched_at, build):
        # Its subjects still need a job.
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
    async for one in api.subjects(this.of.client, this.job, listed_in):
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
    async for one in api.registrations(this.of.client, this.job):
        where = f"{this.job}/users/{one.position}"
        build = partial(shapes.registration_row, this.job, one.raw, one.position)
        if row := this.rows.add("registrations", where, one.fetched_at, build):
            this.registered[row["user_uuid"]].add(row["subject_uuid"])
            if not shapes.is_blank(row["email"]):
                this.reachable.add(row["subject_uuid"])


async def _read_user(this: JobReading, user: str) -> None:
    if await _is_reachable_user(this.of, this.job, user):
        this.reachable.update(this.registered[user])


async def _is_reachable_user(reading: Reading, job: str, user: str) -> bool:
    """Land a user once for all jobs; return whether the user has any contact."""
    users = reading.users
    if user in users:
        return await asyncio.shield(users[user])
    users[user] = asyncio.get_running_loop().create_future()
    try:
        known = reading.earlier.known.find("users", user)
        if known and known.line:
            row = _add_known_user(reading.staged, known)
        else:
            row = await _read_new_user(reading, job, user)
    except BaseException:
        users[user].cancel()
        raise
    contacts = (row["email_address"], row["phone_number"])
    users[user].set_result(not all(map(shapes.is_blank, contacts)))
    return users[user].result()


def _add_known_user(staged: PortalRows, known: Known) -> shapes.Row:
    if known.is_resumed:
        staged.own.write("users", known.line)
        staged.resumed_users += 1
    else:
        staged.own.carry("users", known.line, known.fetched_at)
    return known.row


async def _read_new_user(reading: Reading, job: str, user: str) -> shapes.Row:
    raw: dict[str, Any] | None = None
    reading.staged.asked["users"] += 1
    try:
        answer = await api.user(reading.client, user, job)
        raw, fetched_at = answer.value, answer.fetched_at
    except NotFoundError:
        fetched_at = utc_text(datetime.now(UTC))
    add = partial(reading.staged.own.add, "users", user, fetched_at)
    unknown = partial(shapes.user_row, user, {})
    return add(partial(shapes.user_row, user, raw)) or add(unknown) or unknown()


async def _take_access_keys(this: JobReading, workers: int) -> None:
    """Carry over the known keys, and ask for the others."""
    asked: list[str] = []
    had_none: set[str] = set()
    for subject in sorted(this.listed & this.reachable):
        known = this.of.earlier.known.find("access_keys", this.job, subject)
        if known and known.line:
            this.rows.carry("access_keys", known.line, known.fetched_at)
            continue
        asked.append(subject)
        if known:
            had_none.add(subject)
    missing: list[str] = []
    await _each(asked, partial(_read_access_keys, this, missing), workers)
    if len(missing) == len(asked) and not had_none.issuperset(missing):
        # Perhaps the job itself has gone.
        await api.job_details(this.of.client, this.job)


async def _read_access_keys(this: JobReading, missing: list[str], subject: str) -> None:
    found: shapes.AccessKeys | None = None
    this.of.staged.asked["access_keys"] += 1
    try:
        answer = await api.access_keys(this.of.client, this.job, subject)
        found, fetched_at = answer.value, answer.fetched_at
    except NotFoundError:
        missing.append(subject)
        fetched_at = utc_text(datetime.now(UTC))
    build = partial(shapes.access_keys_row, this.job, subject, found)
    this.rows.add("access_keys", f"{this.job}/{subject}", fetched_at, build)


# Concurrency


async def _together(*work: Coroutine[Any, Any, None]) -> None:
    """Run all concurrently; the first failure cancels the rest and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(one)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def _each[T](
    items: Iterable[T], work: Callable[[T], Awaitable[object]], limit: int
) -> None:
    """Work on all items, `limit` at a time."""
    waiting = iter(list(items))

    async def worker() -> None:
        for item in waiting:
            await work(item)

    await _together(*(worker() for _ in range(limit)))

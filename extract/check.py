"""Whether the portals can be read: one request to each."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import gettempdir

from structlog.typing import FilteringBoundLogger

from common.errors import PortalError
from extract import portal as api
from extract.client import Ask, Patience, connect


@dataclass(frozen=True)
class Finding:
    """Whether one portal can be read, and its answer or error in words."""

    portal: str
    is_right: bool
    message: str


def check(
    asks: Sequence[Ask], patience: Patience, log: FilteringBoundLogger
) -> list[Finding]:
    """Ask each portal once for its activities on sale; return a finding for each."""

    async def check_all() -> list[Finding]:
        return await asyncio.gather(*(_check(ask, patience, log) for ask in asks))

    return asyncio.run(check_all())


async def _check(ask: Ask, patience: Patience, log: FilteringBoundLogger) -> Finding:
    started = time.monotonic()
    once = replace(ask, credentials=replace(ask.credentials, renew=None))
    async with connect(once, 1, patience, Path(gettempdir()), log) as client:
        try:
            activities, is_all = await api.first_activities(client)
        except PortalError as error:
            return Finding(ask.portal.key, False, f"{error.reason}: {error.advice}")
    seconds = time.monotonic() - started
    least = "" if is_all else "at least "
    return Finding(
        ask.portal.key,
        True,
        f"answers in {seconds:.2f} s; activities on sale: {least}{activities}",
    )

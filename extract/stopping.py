"""Orderly stops on SIGTERM and SIGINT."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from common.commandline import SIGNALLED

STOPS = (KeyboardInterrupt, asyncio.CancelledError)


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise SystemExit on SIGTERM or SIGINT; in the block, they are STOPS.

    An exception that a signal raises in one coroutine would abandon the others. So
    SIGTERM cancels all of them, as SIGINT does in asyncio.
    """
    received = signal.SIGINT

    def stop(number: int, _: object) -> None:
        nonlocal received
        received = signal.Signals(number)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise KeyboardInterrupt from None
        loop.call_soon_threadsafe(_cancel_all)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except STOPS:
        raise SystemExit(SIGNALLED + received) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _cancel_all() -> None:
    for task in asyncio.all_tasks():
        task.cancel()

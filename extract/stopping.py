"""Orderly stops on SIGTERM and SIGINT.

An exception that a signal raises in one coroutine abandons the others, and Python warns
about each. So SIGTERM cancels the reading, as asyncio itself does for SIGINT.
"""

import asyncio
import signal
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

# A shell reports a command that a signal ended as this plus the signal's number.
SIGNALLED = 128


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise SystemExit on SIGTERM or SIGINT in the block."""
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    except KeyboardInterrupt:
        _stop(signal.SIGINT, None)
    finally:
        signal.signal(signal.SIGTERM, before)


def run_stoppable[T](reading: Coroutine[Any, Any, T]) -> T:
    """Run to the end; SIGTERM and SIGINT cancel it, and are then raised."""
    if threading.current_thread() is not threading.main_thread():
        return asyncio.run(reading)
    before = signal.getsignal(signal.SIGTERM)
    stopped: list[int] = []
    try:
        return asyncio.run(_cancelled_by_sigterm(reading, stopped))
    except asyncio.CancelledError:
        if stopped:
            _stop(signal.SIGTERM, None)
        raise
    finally:
        # The closed loop has reset the handler.
        signal.signal(signal.SIGTERM, before)


async def _cancelled_by_sigterm[T](
    reading: Coroutine[Any, Any, T], stopped: list[int]
) -> T:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    def stop() -> None:
        stopped.append(signal.SIGTERM)
        if task:
            task.cancel()

    loop.add_signal_handler(signal.SIGTERM, stop)
    return await reading


def _stop(number: int, _: object) -> NoReturn:
    raise SystemExit(SIGNALLED + number)

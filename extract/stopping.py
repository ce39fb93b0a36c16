"""Being stopped: SIGTERM is taken as SIGINT is, and what is under way is put down.

An exception that a signal raises in the middle of a coroutine leaves the others as they
are, and Python complains of each. So a signal cancels what is being read, as asyncio
itself does for SIGINT.
"""

import asyncio
import signal
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

# What a shell gives a command that a signal ended: this and the signal's number.
SIGNALLED = 128


@contextmanager
def stoppable() -> Iterator[None]:
    """End by SystemExit where SIGTERM or SIGINT come in the block."""
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    except KeyboardInterrupt:
        _stop(signal.SIGINT, None)
    finally:
        signal.signal(signal.SIGTERM, before)


def run_stoppable[T](reading: Coroutine[Any, Any, T]) -> T:
    """Run to the end; SIGTERM and SIGINT end it in order, and are then raised."""
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
        # The loop that ends leaves the signal to the system.
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

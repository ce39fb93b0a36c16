"""Orderly stops on SIGTERM and SIGINT."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from common.commandline import SIGNALLED


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise SystemExit on SIGTERM or SIGINT in the block.

    An exception that a signal raises in one coroutine would abandon the others. asyncio
    cancels them all on SIGINT, so SIGTERM is handled as SIGINT is at that moment.
    """
    received = signal.SIGINT

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal received
        received = signal.Signals(number)
        as_interrupt = signal.getsignal(signal.SIGINT)
        if not callable(as_interrupt):
            raise KeyboardInterrupt
        as_interrupt(number, frame)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        raise SystemExit(SIGNALLED + received) from None
    finally:
        signal.signal(signal.SIGTERM, before)

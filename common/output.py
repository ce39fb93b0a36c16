"""Standard output that is closed or full: one line or silence, and the right code."""

import errno
import io
import os
import signal
import sys
from collections.abc import Buffer
from typing import TextIO

from common.errors import CommandError, StorageError

# A shell reports this for a command whose reader closed the pipe.
CLOSED_PIPE = 128 + signal.SIGPIPE


class OutputError(CommandError):
    """Standard output takes no more. A closed pipe has no message."""

    def __init__(self, error: OSError) -> None:
        is_closed = error.errno == errno.EPIPE
        super().__init__("" if is_closed else f"standard output: {error.strerror}")
        self.exit_code = CLOSED_PIPE if is_closed else StorageError.exit_code


class _Guarded(io.FileIO):
    """A descriptor whose first failure is OutputError; later writes are dropped."""

    has_failed = False

    def write(self, data: Buffer, /) -> int:
        if self.has_failed:
            return memoryview(data).nbytes
        try:
            return super().write(data)
        except OSError as error:
            self.has_failed = True
            raise OutputError(error) from error


def guard_output() -> None:
    """Make a failing standard output an OutputError; a missing one takes everything."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115
    if sys.stdout is sys.__stdout__:
        sys.stdout = _guarded(sys.stdout)


def _guarded(stdout: TextIO) -> io.TextIOWrapper:
    raw = _Guarded(stdout.fileno(), "wb", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stdout.encoding,
        errors=stdout.errors,
        line_buffering=bool(stdout.line_buffering),
    )

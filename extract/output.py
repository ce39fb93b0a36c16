"""Standard output that is closed or full: one line or silence, and the right code."""

import errno
import io
import os
import signal
import sys
from collections.abc import Buffer, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn, TextIO

import click

from extract.errors import ExtractError

# What a shell says of a command that nobody listens to any more.
UNHEARD = 128 + signal.SIGPIPE
STORAGE = 30


class OutputError(ExtractError):
    """Standard output takes no more. Of a reader who has left there is no message."""

    def __init__(self, error: OSError) -> None:
        is_unheard = error.errno == errno.EPIPE
        super().__init__("" if is_unheard else f"standard output: {error.strerror}")
        self.exit_code = UNHEARD if is_unheard else STORAGE


class _Guarded(io.FileIO):
    """A descriptor whose first failure is OutputError; what comes later is dropped."""

    has_failed = False

    def write(self, data: Buffer, /) -> int:
        if self.has_failed:
            return memoryview(data).nbytes
        try:
            return super().write(data)
        except OSError as error:
            self.has_failed = True
            raise OutputError(error) from error


@contextmanager
def guarded_output() -> Iterator[None]:
    """End the process well if standard output fails; none at all is as good as one."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115
    if sys.stdout is sys.__stdout__:
        sys.stdout = _guarded(sys.stdout)
    try:
        yield
    except OutputError as error:
        end_with(error)


def _guarded(stdout: TextIO) -> io.TextIOWrapper:
    raw = _Guarded(stdout.fileno(), "wb", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stdout.encoding,
        errors=stdout.errors,
        line_buffering=bool(stdout.line_buffering),
    )


def end_with(error: ExtractError) -> NoReturn:
    """End the command with its error in one line on standard error, if it has any."""
    if str(error):
        with suppress(OSError):
            click.echo(f"Error: {error}", err=True)
    raise SystemExit(error.exit_code) from None

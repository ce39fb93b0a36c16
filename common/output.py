"""Standard output: JSON, and one line or silence if it is closed or full."""

import errno
import io
import json
import os
import signal
import sys
from collections.abc import Buffer
from typing import TextIO

import click

from common.errors import CommandError, StorageError

# A shell reports this for a command whose reader closed the pipe.
CLOSED_PIPE = 128 + signal.SIGPIPE


def print_json(value: object) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=2))


class OutputError(CommandError):
    """Standard output cannot be written. A closed pipe has no message."""

    def __init__(self, error: OSError) -> None:
        is_closed = error.errno == errno.EPIPE
        super().__init__("" if is_closed else f"standard output: {error.strerror}")
        self.exit_code = CLOSED_PIPE if is_closed else StorageError.exit_code


class _Guarded(io.FileIO):
    """A file whose first failed write raises OutputError; later ones are dropped."""

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
    """Raise OutputError if standard output fails; discard output if there is none."""
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

"""Run `sms audience` in this process, as its script does."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from ops.cli import main


@dataclass(frozen=True)
class Outcome:
    """The exit status of a command, and what it printed."""

    status: int
    output: str
    errors: str


def audience(*arguments: str | Path) -> Outcome:
    """Run `sms audience` with these arguments."""
    output, errors = io.StringIO(), io.StringIO()
    status: int | str | None = None
    argv = ["sms", "audience", *map(str, arguments)]
    with (
        patch.object(sys, "argv", argv),
        redirect_stdout(output),
        redirect_stderr(errors),
    ):
        try:
            main()
        except SystemExit as end:
            status = end.code
    assert isinstance(status, int)
    return Outcome(status, output.getvalue(), errors.getvalue())

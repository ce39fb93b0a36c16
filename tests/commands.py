"""The command `sms`, run in this process as its script runs it."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from subprocess import CompletedProcess
from unittest.mock import patch

from ops.cli import main


def sms(*arguments: str) -> CompletedProcess[str]:
    """Run `sms`; return its exit code and what it printed."""
    argv = ["sms", *arguments]
    output, errors = io.StringIO(), io.StringIO()
    status = 0
    with (
        patch.object(sys, "argv", argv),
        redirect_stdout(output),
        redirect_stderr(errors),
    ):
        try:
            main()
        except SystemExit as end:
            assert end.code is None or isinstance(end.code, int)
            status = end.code or 0
    return CompletedProcess(argv, status, output.getvalue(), errors.getvalue())

"""The steps of a night, shown with their times, and the commands they run."""

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import click
from structlog.typing import FilteringBoundLogger

from common.commandline import SIGNALLED
from common.errors import CommandError
from common.files import storage
from ops.nightly.errors import CommandFailedError, StepError, StoppedError, StopSignal
from ops.nightly.logs import pass_on
from ops.nightly.summary import Step

BIN = Path(sys.executable).parent
NO_MORE: Mapping[str, str] = MappingProxyType({})


@dataclass
class Steps:
    """The steps so far. Commands inherit `lock`, so that orphans hold it too.

    `log` is the log of a night that logs JSON. `environment` is added to that of every
    command.
    """

    lock: int
    log: FilteringBoundLogger | None = None
    environment: dict[str, str] = field(default_factory=dict)
    done: list[Step] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Show and time a step; StepError if it fails, StoppedError if stopped."""
        began = time.monotonic()
        self._show(name, "")
        exit_code, end = 1, "failed"
        try:
            with storage(name):
                yield
            exit_code, end = 0, "done"
        except StopSignal as stop:
            exit_code, end = stop.exit_code, "stopped"
            raise StoppedError(name, exit_code) from stop
        except CommandError as error:
            exit_code = error.exit_code
            raise StepError(name, exit_code, str(error)) from error
        finally:
            step = Step(name, round(time.monotonic() - began, 1), exit_code)
            self.done.append(step)
            self._show(name, end, step)

    def _show(self, name: str, end: str, step: Step | None = None) -> None:
        """Show that a step begins or, with the finished `step`, how it ended."""
        if self.log:
            facts = {**asdict(step), "end": end} if step else {"name": name}
            self.log.info("step_ended" if step else "step_begun", **facts)
        else:
            ended = f" {end}, {step.seconds} s" if step else ""
            click.echo(f"{datetime.now(UTC):%H:%M:%SZ} {name}{ended}")

    def run(
        self,
        *command: str,
        output: Path | None = None,
        environment: Mapping[str, str] = NO_MORE,
    ) -> None:
        """Run one of the project's commands; CommandFailedError where it fails.

        Its standard output goes to the file `output`, or is shown; `environment` is
        added to that of all commands.
        """
        # In a JSON log, both outputs of a command become lines of the night's log.
        is_logged = self.log is not None and output is None
        with (
            output.open("wb") if output else nullcontext() as file,
            subprocess.Popen(  # noqa: S603 - a command of this project, no shell
                [BIN / command[0], *command[1:]],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if is_logged else file,
                stderr=subprocess.STDOUT if is_logged else subprocess.PIPE,
                text=True,
                errors="replace",
                env={**os.environ, **self.environment, **environment},
                pass_fds=[self.lock],
            ) as child,
        ):
            try:
                last = self._pass_on(child.stderr or child.stdout or ())
            except BaseException:
                child.terminate()
                raise
        if child.returncode:
            code = child.returncode
            raise CommandFailedError(code if code > 0 else SIGNALLED - code, last)

    def _pass_on(self, lines: Iterable[str]) -> str:
        """Show the lines of a command; return the last one that has text."""
        last = ""
        for line in lines:
            if self.log:
                last = pass_on(self.log, line) or last
            else:
                click.echo(line, err=True, nl=False)
                last = line.strip() or last
        return last

"""Run `sms audience` in this process, as its script does."""

from dataclasses import dataclass
from pathlib import Path

from tests.commands import sms


@dataclass(frozen=True)
class Outcome:
    """The exit status of a command, and what it printed."""

    status: int
    output: str
    errors: str


def audience(*arguments: str | Path) -> Outcome:
    """Run `sms audience` with these arguments."""
    done = sms("audience", *map(str, arguments))
    return Outcome(done.returncode, done.stdout, done.stderr)

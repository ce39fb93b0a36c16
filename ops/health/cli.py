"""The command `sms health`: for a container's check, or before a first night."""

from dataclasses import asdict
from datetime import timedelta

import click

from common.errors import CommandError
from common.options import json_option
from common.output import print_json
from ops.nightly.cli import age_options


class UnhealthyError(CommandError):
    """A check failed; the exit code is that of the first one that did."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@age_options
@json_option
def cli(*, most: timedelta, mode: str, as_json: bool) -> None:
    """Check settings, folders, storage, credentials and the age of the last night.

    It asks no portal and changes nothing. The exit code is that of the first check
    that failed: 2 for settings, 10 for a missing night, 30 for storage.
    """
    from ops.health.checks import findings  # noqa: PLC0415

    found = findings(most, is_export=mode == "export")
    if as_json:
        print_json({"checks": [asdict(one) for one in found]})
    else:
        for one in found:
            state = "FAILED" if one.exit_code else "good"
            click.echo(f"{one.check:<12}  {state:<6}  {one.message}")
    if wrong := [one for one in found if one.exit_code]:
        raise UnhealthyError(
            f"{len(wrong)} of {len(found)} checks failed: "
            f"{', '.join(one.check for one in wrong)}",
            wrong[0].exit_code,
        )

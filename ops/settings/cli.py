"""The command `sms settings`: every setting in force, and where it comes from."""

from dataclasses import asdict

import click

from common.options import json_option
from common.output import print_json


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@json_option
def cli(*, as_json: bool) -> None:
    """Print every setting in force and where it comes from; secrets are hidden.

    Exit code 2 if a setting is wrong. docs/settings.md says what each means.
    """
    from ops.settings.reading import problems, settings, variables  # noqa: PLC0415

    found, of_build, wrong = settings(), variables(), problems()
    if as_json:
        print_json(
            {
                "settings": [asdict(one) for one in found],
                "variables": [asdict(one) for one in of_build],
                "problems": [str(error) for error in wrong],
            }
        )
    else:
        width = max(len(one.name) for one in found + of_build)
        wide = max(len(one.value) for one in found + of_build)
        for one in found + of_build:
            click.echo(f"{one.name:<{width}}  {one.value:<{wide}}  {one.source}")
    if wrong:
        for error in wrong[1:]:
            click.echo(f"sms: {error}", err=True)
        raise wrong[0]

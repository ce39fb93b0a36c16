"""Parse the dbt project as strictly as dbt can, for what reads its manifest next.

dbt checks the keys of YAML files for a few adapters, and duckdb is none of them: a
misspelt key is ignored. Here it is one of them, and whatever dbt warns of is an error.
"""

import click
from dbt.cli.main import dbtRunner
from dbt.jsonschemas import jsonschemas
from dbt_common.events.base_types import EventLevel, EventMsg


@click.command()
@click.option("--project", type=click.Path(), default=".", help="The project's folder.")
@click.option("--target", type=click.Path(), help="Where the manifest is written.")
def main(project: str, target: str) -> None:
    """Print what dbt warns of, and exit with 1 if that is anything."""
    jsonschemas._JSONSCHEMA_SUPPORTED_ADAPTERS.add("duckdb")
    warnings: list[str] = []
    parsed = dbtRunner(callbacks=[lambda event: _collect(event, warnings)]).invoke(
        [
            *("--quiet", "--show-all-deprecations"),
            *("parse", "--no-partial-parse"),
            *("--project-dir", project, "--profiles-dir", project),
            *("--target-path", target),
        ]
    )
    for warning in sorted(set(warnings)):
        click.echo(warning, err=True)
    if parsed.exception:
        raise click.ClickException(str(parsed.exception))
    if warnings:
        raise SystemExit(1)


def _collect(event: EventMsg, warnings: list[str]) -> None:
    is_warning = event.info.level == EventLevel.WARN.value
    if is_warning and event.info.name != "DeprecationsSummary":
        # The type that dbt declares for events lacks what protobuf's has.
        warnings.append(event.info.msg)  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()

"""The load that both sides are built from."""

import csv
import os
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from common.errors import CommandError, ConfigError
from extract import commands
from extract.sandbox import suppressions
from extract.sandbox.cli import Size

# The day of the sandbox's data and of both builds, so that a review has the same
# numbers on any day.
TODAY = date(2026, 1, 15)
AS_OF = datetime.combine(TODAY, time(12), UTC).isoformat()
SUPPRESSED = ("channel", "address", "suppressed_at", "reason")


@dataclass(frozen=True)
class Load:
    """A build's input: environment variables, and variables of dbt."""

    surroundings: dict[str, str]
    variables: dict[str, Any] = field(default_factory=dict)


def landed(landing: Path) -> Load:
    """Return the current load of a landing, with the environment's suppressions."""
    names = {"LANDING_DIR": landing}
    if listed := os.environ.get("SUPPRESSIONS_CSV"):
        names["SUPPRESSIONS_CSV"] = Path(listed)
    return Load({name: str(path.absolute()) for name, path in names.items()})


def sandbox(folder: Path) -> Load:
    """Load the sandbox below `folder`, with suppressions; ConfigError if that fails."""
    landing, listed = folder / "landing", folder / "suppressions.csv"
    size = Size(today=TODAY)
    with (folder / "load.log").open("w") as log, redirect_stdout(log):
        try:
            commands.load(
                landing,
                sandbox=True,
                size=size,
                log_format="json",
            )
        except CommandError as error:
            raise ConfigError(f"the sandbox was not loaded: {error}") from error
    with listed.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, SUPPRESSED)
        writer.writeheader()
        writer.writerows(suppressions(size.world()))
    surroundings = {"LANDING_DIR": str(landing), "SUPPRESSIONS_CSV": str(listed)}
    return Load(surroundings, {"as_of": AS_OF})

"""What several packages read from the project's seeds."""

import csv
from pathlib import Path

from common.errors import ConfigError

PORTALS = Path("seeds/portals.csv")


def portal_regions(seed: Path = PORTALS) -> tuple[str, ...]:
    """Return the regions of the portals, sorted; ConfigError where there are none."""
    try:
        with seed.open(encoding="utf-8-sig", newline="") as file:
            regions = {row["region"] for row in csv.DictReader(file)}
    except (OSError, UnicodeDecodeError, KeyError) as error:
        raise ConfigError(
            f"{seed} cannot be read ({type(error).__name__}): run this in the folder "
            "of the project"
        ) from error
    if not regions:
        raise ConfigError(f"{seed}: lists no portal")
    return tuple(sorted(regions))

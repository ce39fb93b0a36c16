"""The portals' seed, which several packages read."""

import csv
import io
from pathlib import Path

from common.errors import ConfigError

PORTALS = Path("seeds/portals.csv")
COLUMNS = ["portal", "base_url", "brand", "region", "country", "consent_basis"]


def portal_lines(seed: Path = PORTALS) -> list[tuple[str, list[str]]]:
    """Return the place and the fields of each portal; ConfigError."""
    try:
        text = seed.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{seed} cannot be read ({type(error).__name__}): run this in the folder "
            "of the project"
        ) from error
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise ConfigError(f"{seed} is not CSV: {error}") from error
    if not rows or rows[0] != COLUMNS:
        raise ConfigError(f"{seed}: the header must be {','.join(COLUMNS)}")
    lines = [(f"{seed} line {n}", row) for n, row in enumerate(rows[1:], 2) if row]
    for where, row in lines:
        if len(row) != len(COLUMNS):
            raise ConfigError(
                f"{where}: {len(COLUMNS)} fields expected, not {len(row)}"
            )
    return lines


def portal_regions(seed: Path = PORTALS) -> tuple[str, ...]:
    """Return the regions of the portals, sorted; ConfigError where there are none."""
    place = COLUMNS.index("region")
    regions = {fields[place] for _, fields in portal_lines(seed)}
    if not regions:
        raise ConfigError(f"{seed}: lists no portal")
    return tuple(sorted(regions))

"""The portals of `seeds/portals.csv`, the only ones that can be read."""

import csv
import io
import re
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from common.errors import ConfigError
from extract.urls import is_loopback, split_base_url

SEED = Path("seeds/portals.csv")
COLUMNS = ["portal", "base_url", "brand", "region", "country", "consent_basis"]
CONSENT_BASES = ("webshop", "explicit")
SANDBOX_BRAND = "Sandbox"
KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
REGION = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True)
class Portal:
    """One portal: its key, its base URL as in the seed, and the parsed URL."""

    key: str
    base_url: str
    brand: str
    origin: str
    base_path: str

    @property
    def is_sandbox(self) -> bool:
        """Whether the built-in sandbox plays this portal."""
        return self.brand == SANDBOX_BRAND

    @property
    def is_local(self) -> bool:
        """Whether the portal is on this machine."""
        return is_loopback(urlsplit(self.origin).hostname or "")

    def moved_to(self, origin: str) -> "Portal":
        """Return the same portal at another origin."""
        return replace(self, origin=origin.rstrip("/"))


def read_portals(seed: Path = SEED) -> list[Portal]:
    """Return the portals of the seed; ConfigError names the first wrong line."""
    portals: dict[str, Portal] = {}
    for number, fields in _lines(seed):
        where = f"{seed} line {number}"
        portal = _portal(fields, where)
        if portal.key.lower() in portals:
            raise ConfigError(f"{where}: the portal {portal.key} is a duplicate")
        portals[portal.key.lower()] = portal
    return list(portals.values())


def _lines(seed: Path) -> list[tuple[int, list[str]]]:
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
    return [(number, row) for number, row in enumerate(rows[1:], start=2) if row]


def _portal(fields: list[str], where: str) -> Portal:
    if len(fields) != len(COLUMNS):
        raise ConfigError(f"{where}: {len(COLUMNS)} fields expected, not {len(fields)}")
    key, base_url, brand, region, country, consent_basis = fields
    if not KEY.fullmatch(key):
        raise ConfigError(f"{where}: a portal is letters, digits, - and _, not {key!r}")
    if not brand or not country or not REGION.fullmatch(region):
        raise ConfigError(
            f"{where}: brand, country and a region of two capitals are needed"
        )
    if consent_basis not in CONSENT_BASES:
        raise ConfigError(
            f"{where}: consent_basis must be one of {', '.join(CONSENT_BASES)}"
        )
    try:
        origin, base_path = split_base_url(base_url)
    except ValueError as error:
        raise ConfigError(f"{where}: the base_url of {key} {error}") from error
    return Portal(key, base_url, brand, origin, base_path)

"""The portals of `seeds/portals.csv`, the only ones that can be read."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from common.errors import ConfigError
from common.seeds import PORTALS, portal_lines
from extract.urls import is_loopback, split_base_url

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


def read_portals(seed: Path = PORTALS) -> list[Portal]:
    """Return the portals of the seed; ConfigError names the first wrong line."""
    portals: dict[str, Portal] = {}
    for where, fields in portal_lines(seed):
        portal = _portal(fields, where)
        if portal.key.lower() in portals:
            raise ConfigError(f"{where}: the portal {portal.key} is a duplicate")
        portals[portal.key.lower()] = portal
    return list(portals.values())


def _portal(fields: list[str], where: str) -> Portal:
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

"""The sandbox portal: a portal to try everything against, over real HTTP.

`generate` makes up a world of fictional people from a seed, `serve` and `run_forever`
answer the portal's API from it, `suppressions` lists some of its phones and e-mails as
suppressed. It shares no code with the extractor, so that neither hides the other's
mistakes. Importing this package is cheap: its parts are imported when first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extract.sandbox.server import Sandbox, run_forever, serve
    from extract.sandbox.suppressed import suppressions
    from extract.sandbox.world import World, generate

SANDBOX_USERNAME = "sandbox"
SANDBOX_PASSWORD = "sandbox"  # noqa: S105  (opens fictional data only)

__all__ = [
    "SANDBOX_PASSWORD",
    "SANDBOX_USERNAME",
    "Sandbox",
    "World",
    "generate",
    "run_forever",
    "serve",
    "suppressions",
]

_HOMES = {
    "Sandbox": "server",
    "World": "world",
    "generate": "world",
    "run_forever": "server",
    "serve": "server",
    "suppressions": "suppressed",
}


def __getattr__(name: str) -> object:
    """Import the part that defines `name`; raise AttributeError for other names."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

"""What publishing is told by the environment."""

import os
from pathlib import Path

from publish.errors import ConfigurationError
from publish.local import LocalRoot
from publish.root import Root

DEFAULT_ROOT = "exports"


def export_root() -> Root:
    """Return the root that EXPORT_ROOT names; it need not exist yet."""
    name = os.environ.get("EXPORT_ROOT", "").strip() or DEFAULT_ROOT
    if "://" in name:
        scheme = name.split("://", 1)[0]
        raise ConfigurationError(
            f"EXPORT_ROOT begins with {scheme}://, and only a local folder can be "
            "published to"
        )
    return LocalRoot(Path(name).absolute())

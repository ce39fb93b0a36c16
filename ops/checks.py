"""Checks of what a night needs, before it begins."""

import os
from pathlib import Path

from common.errors import ConfigError
from publish.local import LocalRoot
from publish.root import Root


def check_writable_root(root: Root) -> None:
    """Raise ConfigError for a local root that a build could not write to."""
    if isinstance(root, LocalRoot):
        folder = root.folder
        place = next(path for path in (folder, *folder.parents) if path.exists())
        if not (place.is_dir() and is_writable(place)):
            raise ConfigError(f"EXPORT_ROOT: {folder} cannot be written")


def is_writable(path: Path) -> bool:
    """Return whether a file can be written, or files created in a folder."""
    return os.access(path, os.W_OK | os.X_OK if path.is_dir() else os.W_OK)

"""The loads that a prune must keep because of the promoted run."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from common.errors import CommandError, ConfigError

if TYPE_CHECKING:
    from publish.root import Root


class UnknownRunError(CommandError):
    """The promoted run cannot be read, so its load is unknown."""

    def __init__(self, reason: CommandError) -> None:
        super().__init__(
            f"no load is removed, as the promoted run is unknown: {reason}"
        )
        self.exit_code = reason.exit_code


def loads_in_use() -> Mapping[str, str]:
    """Return the load of the promoted run under EXPORT_ROOT, and why it stays.

    Raise UnknownRunError if that run cannot be read; ConfigError if EXPORT_ROOT names a
    missing folder, as a misspelt one would protect no load.
    """
    # The other commands of `extract` do not need publishing.
    from publish.local import LocalRoot  # noqa: PLC0415
    from publish.settings import export_root  # noqa: PLC0415

    root = export_root()
    is_named = bool(os.environ.get("EXPORT_ROOT", "").strip())
    if is_named and isinstance(root, LocalRoot) and not root.folder.is_dir():
        raise ConfigError(
            f"EXPORT_ROOT is {root.folder}, which does not exist: no load is removed, "
            "as the promoted run is unknown"
        )
    return promoted_load(root)


def promoted_load(root: "Root") -> Mapping[str, str]:
    """Return the load of a root's promoted run, and why it stays."""
    from publish.promotion import load_promoted  # noqa: PLC0415

    try:
        promoted = load_promoted(root)
    except CommandError as error:
        raise UnknownRunError(error) from error
    if promoted is None:
        return {}
    return {promoted.about.load_id: "the promoted run was built from it"}

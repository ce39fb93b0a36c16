"""The dbt variables of a night: NIGHTLY_VARS, and --vars over it.

Each is YAML text, or the name of a file with it.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.errors import ConfigError
from extract.portals import read_portals
from ops.build.variables import VARIABLES, check_variables

SETTING = "NIGHTLY_VARS"
OPTION = "--vars"
# Only the load knows its jobs, and only SQL reads a time.
DECIDED_LATER = ("as_of", "job_uuids")


def read_variables(option: str | None) -> dict[str, Any]:
    """Return the variables of a night; raise ConfigError before anything is loaded."""
    given = {
        **parse_variables(os.environ.get(SETTING, ""), SETTING),
        **parse_variables(option or "", OPTION),
    }
    if "promote" in given:
        raise ConfigError("promote cannot be set: the night decides what is promoted")
    _check(given)
    return given


def parse_variables(text: str, setting: str) -> dict[str, Any]:
    """Return the variables of YAML text or of a file; ConfigError names the setting."""
    if not text.strip():
        return {}
    # A night without variables needs no YAML.
    import yaml  # noqa: PLC0415

    try:
        found = yaml.safe_load(_content(text))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        found = ""
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        # Not shown: it can name groups, and these can be teachers' names.
        raise ConfigError(
            f"{setting} is neither a readable file nor YAML such as "
            "{dedup_by: phone, export_formats: [csv, json]}"
        )
    return found


def _content(text: str) -> str:
    is_name = not any(character in text for character in "\n:{")
    return Path(text).read_text(encoding="utf-8") if is_name else text


def _check(given: Mapping[str, Any]) -> None:
    """Check what can be checked without a load; the build checks the rest."""
    unknown = [name for name in given if name not in VARIABLES]
    values = {
        name: value
        for name, value in given.items()
        if name in VARIABLES and name not in DECIDED_LATER
    }
    portals = read_portals() if "portals" in values else []
    known = {"portals": sorted(portal.key for portal in portals)}
    check_variables(values, unknown, known)

"""Settings in a file that --env-file names: `NAME=value`, one on each line.

Values are literal: a password may have any character, and nothing is run or expanded.
"""

import re
from pathlib import Path

from common.errors import ConfigError

LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
QUOTES = "'\""
MIN_QUOTED = 2


def read_env_file(path: Path) -> dict[str, str]:
    """Return the settings of a file; ConfigError names the first bad line.

    Empty lines, and lines that begin with #, are ignored. A value can be in quotes, and
    must be if it has a space.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8") from error
    settings = {}
    for number, line in enumerate(map(str.strip, lines), start=1):
        if line and not line.startswith("#"):
            name, value = _setting(line, f"{path} line {number}")
            settings[name] = value
    return settings


def _setting(line: str, where: str) -> tuple[str, str]:
    parts = LINE.fullmatch(line)
    if not parts:
        raise ConfigError(f"{where}: NAME=value is expected")
    name, value = parts.groups()
    if value[:1] in QUOTES and value:
        if len(value) < MIN_QUOTED or value[-1] != value[0]:
            raise ConfigError(f"{where}: the quote of {name} does not end")
        return name, value[1:-1]
    if re.search(r"\s", value):
        raise ConfigError(f"{where}: the value of {name} has a space: put it in quotes")
    return name, value

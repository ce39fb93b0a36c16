"""Settings in a file that is asked for by name: `NAME=value`, one a line.

Read by hand and literally: a password may have any character, and nothing in the file
is run or expanded.
"""

import re
from pathlib import Path

from common.errors import ConfigError

LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
QUOTES = "'\""
MIN_QUOTED = 2


def read_env_file(path: Path) -> dict[str, str]:
    """Read the settings of a file; ConfigError names the line that is none.

    Empty lines, and lines that begin with #, say nothing. A value may be in quotes, and
    must be where it has a space.
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

"""Lists and segments for the tests of suppressions. People in them are fictional."""

from hashlib import sha256
from pathlib import Path
from secrets import token_hex

from publish.root import Root
from publish.suppressions.ledger import Recorded, record
from publish.suppressions.lists import Listing, read_list

HEADER = "channel,address,suppressed_at,reason,action\n"
SEGMENT = "channel,address,action,at,reason,source,recorded_at\n"
NOW = "2026-01-01T00:00:00Z"
A, B, C = "+12065550100", "+12065550101", "+12065550102"
REGIONS = ("CA", "US")


def listed(folder: Path, text: str | bytes, name: str = "list.csv") -> Path:
    """Write a list."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def row(address: str, at: str, action: str = "", channel: str = "sms") -> str:
    """A line of a csv list."""
    return f"{channel},{address},{at},STOP,{action}\n"


def add(root: Root, folder: Path, *rows: str, name: str = "list.csv") -> Recorded:
    """Record a csv list of these lines."""
    return record(root, listed(folder, HEADER + "".join(rows), name))


def add_phones(root: Root, folder: Path, *phones: str, name: str = "p") -> Recorded:
    """Record a list of phones."""
    path = listed(folder, "".join(f"{phone}\n" for phone in phones), name)
    return record(root, path, format_name="phones")


def read(folder: Path, text: str | bytes, format_name: str = "") -> Listing:
    """Read a list, and record nothing."""
    return read_list(listed(folder, text), REGIONS, NOW, format_name=format_name)


def segments(root: Root) -> dict[str, bytes | None]:
    """Read all segments past the ledger's own code."""
    names = root.list_files("suppressions")
    return {name: root.read(f"suppressions/{name}") for name in names}


def plant(root: Root, text: str, name: str = "") -> str:
    """Put a segment into a root as it is; return its name."""
    name = name or f"{token_hex(4)}.csv"
    staged = root.staging / name.replace("/", "-")
    staged.parent.mkdir(parents=True, exist_ok=True)
    staged.write_text(text)
    root.add(f"suppressions/{name}", staged, name, sha256(text.encode()).hexdigest())
    return name

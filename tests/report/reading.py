"""Read a report's tables from its HTML."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "br"}


@dataclass
class Read:
    """The contents of a report; its tables, by id, are rows of texts."""

    tables: dict[str, list[list[str]]] = field(default_factory=dict)
    headings: list[str] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)

    def numbers(self, table: str) -> dict[str, list[int]]:
        """Return a table's lines by their label; every other cell must be a number."""
        lines: dict[str, list[int]] = {}
        for label, *cells in self.tables[table][1:]:
            assert label not in lines
            lines[label] = [whole(cell) for cell in cells if cell]
        return lines


def whole(text: str) -> int:
    """Return a whole number that the report writes."""
    return int(text.replace(",", "").replace("\u2212", "-"))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.read = Read()
        self._open: list[str] = []
        self._table = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.read.tags.add(tag)
        self.read.attributes.update(name for name, _ in attrs)
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self._table = dict(attrs)["id"] or ""
            self.read.tables[self._table] = []
        elif tag == "tr":
            self.read.tables[self._table].append([])
        elif tag in ("th", "td"):
            self.read.tables[self._table][-1].append("")
        elif tag in ("h1", "h2"):
            self.read.headings.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "small" in self._open:
            return
        if {"th", "td"} & set(self._open):
            self.read.tables[self._table][-1][-1] += data.strip()
        elif {"h1", "h2"} & set(self._open):
            self.read.headings[-1] += data


def read_report(page: str) -> Read:
    """Read a page; fail if its tags are not balanced."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert reader._open == []
    return reader.read

"""How the sandbox wraps and pages its answers.

A portal answers the same path always in the same way, and other paths in other ways:
the path's checksum chooses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final
from urllib.parse import urlencode
from zlib import crc32


@dataclass(frozen=True)
class Pages:
    """How a list is cut.

    `share`: the first pages have this share of the page size (at least one row).
    `overlap`: a page begins with the last row of the page before. `gaps`: an empty page
    follows the first, and ends the list.
    """

    share: float = 1.0
    overlap: bool = False
    gaps: bool = False


PAGES: Final = (
    Pages(),
    Pages(share=0.25, overlap=True),
    Pages(share=0.1),
    Pages(share=0.25, gaps=True),
)
WHOLE_PAGES: Final = PAGES[:1]
SHORT_PAGES: Final = 8
OBJECT_WRAPS: Final = ("bare", "data", "success")
LIST_WRAPS: Final = ("bare", "data", "success", "results")
# Where the next address is, how it is written, and what the last page has in its place.
NEXT_PLACES: Final = ("meta", "top")
NEXT_FORMS: Final = ("absolute", "host", "host_bare", "base")
NEXT_ENDS: Final[tuple[Mapping[str, object], ...]] = ({}, {"next": None}, {"next": ""})
NEXT_STYLES: Final = tuple(product(NEXT_PLACES, NEXT_FORMS, NEXT_ENDS))


@dataclass(frozen=True)
class Asked:
    """A request: its `path` below the API's root, and its query."""

    host: str
    portal: str
    path: str
    query: Mapping[str, str]


def wrap(answer: object, asked: Asked) -> object:
    """Return a whole answer, bare or in an envelope."""
    wraps = LIST_WRAPS if isinstance(answer, list) else OBJECT_WRAPS
    form = _choose(asked, wraps, "wrap")
    return answer if form == "bare" else _envelope(form, answer)


def _envelope(form: str, answer: object) -> dict[str, object]:
    if form == "success":
        return {"success": True, "data": answer}
    return {form: answer}


def page(
    rows: list[Any], number: int, size: int, asked: Asked, ways: Sequence[Pages] = PAGES
) -> object:
    """Return a page of a list (from 1); None if the list has no such page.

    `ways` are the possible ways to cut the list.
    """
    bounds = _bounds(len(rows), size, _choose(asked, ways, "pages"))
    if not 1 <= number <= len(bounds):
        return None
    if len(bounds) == 1:
        return wrap(rows, asked)
    start, end = bounds[number - 1]
    # A bare list has no place for the next page's address.
    body = _envelope(_choose(asked, LIST_WRAPS[1:], "wrap"), rows[start:end])
    return body | _pointer(asked, number + 1 if number < len(bounds) else None)


def _bounds(rows: int, size: int, pages: Pages) -> list[tuple[int, int]]:
    """Return where each page starts and ends; only the first pages are short."""
    short = max(1, int(size * pages.share))
    bounds: list[tuple[int, int]] = []
    start = end = 0
    while end < rows or not bounds:
        length = short if len(bounds) < SHORT_PAGES else size
        end = min(start + length, rows)
        bounds.append((start, end))
        start = end - 1 if pages.overlap and length > 1 else end
    if pages.gaps and len(bounds) > 1:
        bounds = [bounds[0], (0, 0), *bounds[1:], (0, 0)]
    return bounds


def _pointer(asked: Asked, number: int | None) -> dict[str, object]:
    place, form, end = _choose(asked, NEXT_STYLES, "next")
    pointer = end if number is None else {"next": _address(asked, number, form)}
    return {"meta": {"rows": None, **pointer}} if place == "meta" else dict(pointer)


def _address(asked: Asked, number: int, form: str) -> str:
    query = {**asked.query, "page": str(number)}
    if form == "host_bare":
        # An address without the portal's path must name the portal elsewhere.
        return f"/api/v1{asked.path}?{urlencode(query | {'portal': asked.portal})}"
    root = {
        "absolute": f"http://{asked.host}/{asked.portal}/api/v1",
        "host": f"/{asked.portal}/api/v1",
        "base": "",
    }
    return f"{root[form]}{asked.path}?{urlencode(query)}"


def _choose[T](asked: Asked, values: Sequence[T], purpose: str) -> T:
    """Return one of the values, the same for all pages of a list."""
    query = {k: v for k, v in asked.query.items() if k not in {"page", "portal"}}
    text = f"{purpose} {asked.portal}{asked.path}?{urlencode(query)}"
    return values[crc32(text.encode()) % len(values)]

"""Charts as SVG. Colours are classes of the page's style.

Widths stretch with the page, so the charts hold no text; a table beside each has the
numbers.
"""

from collections.abc import Iterator, Sequence

from markupsafe import Markup

WIDTH = 100.0
BAR_HEIGHT = 10
TREND_HEIGHT = 100
SLOT = 10
FEWEST_SLOTS = 12
GAP_HEIGHT = 6

type Part = tuple[str, int]


def bar(parts: Sequence[Part], whole: int, start: int = 0) -> Markup:
    """Return one bar of `parts` (class, amount), the first at `start`, of `whole`."""
    rects = Markup("").join(_bar_rects(parts, whole, start))
    return Markup(
        '<svg class="bar" viewBox="0 0 {} {}" preserveAspectRatio="none" '
        'aria-hidden="true" focusable="false">{}</svg>'
    ).format(f"{WIDTH:g}", BAR_HEIGHT, rects)


def _bar_rects(parts: Sequence[Part], whole: int, start: int) -> Iterator[Markup]:
    for name, amount in parts:
        if amount:
            x, width = _share(start, whole), _share(amount, whole)
            yield _rect(name, x, 0, width, BAR_HEIGHT)
        start += amount


def columns(heights: Sequence[Sequence[Part] | None], most: int, label: str) -> Markup:
    """Return stacked columns in a row; None is a gap, marked at the foot.

    `most` is the height of the whole chart.
    """
    slots = max(len(heights), FEWEST_SLOTS)
    rects = Markup("").join(
        rect
        for slot, parts in enumerate(heights)
        for rect in _column_rects(slot * SLOT, parts, most)
    )
    return Markup(
        '<svg class="columns" viewBox="0 0 {} {}" preserveAspectRatio="none" '
        'role="img" aria-label="{}">{}</svg>'
    ).format(slots * SLOT, TREND_HEIGHT, label, rects)


def _column_rects(x: int, parts: Sequence[Part] | None, most: int) -> Iterator[Markup]:
    left, width = x + SLOT * 0.15, SLOT * 0.7
    if parts is None:
        yield _rect("gap", left, TREND_HEIGHT - GAP_HEIGHT, width, GAP_HEIGHT)
        return
    foot = float(TREND_HEIGHT)
    for name, amount in parts:
        height = _share(amount, most) / WIDTH * TREND_HEIGHT
        foot -= height
        if amount:
            yield _rect(name, left, foot, width, height)


def _share(amount: int, whole: int) -> float:
    return WIDTH * amount / whole if whole else 0.0


def _rect(name: str, *place: float) -> Markup:
    # The place is x, y, width and height.
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
        name, *(f"{round(number, 2):g}" for number in place)
    )

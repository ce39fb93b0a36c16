"""The page: one HTML file that runs nothing and asks for nothing.

Its content security policy allows its own style, by hash, and nothing else.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from audience.report import tables, wording
from audience.report.build import Build
from audience.report.charts import columns
from audience.report.numbers import Numbers, PortalLoad
from audience.report.trend import TrendRun
from audience.wording import counted
from publish.layout import AUDIENCES
from publish.manifest import RunFile

ADDRESSES = {
    "phone": "phone",
    "email": "e-mail address",
    "any": "phone or e-mail address",
}


@dataclass(frozen=True)
class Facts:
    """All that a report is made of.

    `promoted` is the promoted run's id. `numbers` is None where the build did not make
    its marts, `files` where the run has no manifest.
    """

    build: Build
    promoted: str | None
    numbers: Numbers | None
    load: Sequence[PortalLoad]
    files: Sequence[RunFile] | None
    trend: Sequence[TrendRun]


def render(facts: Facts) -> bytes:
    """Return the page."""
    environment = Environment(
        loader=PackageLoader("audience.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=wording.number, counted=counted)
    environment.globals.update(began_at=wording.began_at)
    style = files("audience.report").joinpath("style.css").read_text("utf-8")
    page = environment.get_template("page.html").render(
        facts=facts,
        state=_state(facts),
        title=wording.title(facts.build, facts.numbers, facts.promoted),
        lead=list(wording.lead(facts.build, facts.numbers, facts.promoted)),
        address=ADDRESSES.get(str(facts.build.variables.get("contact_filter"))),
        tables=tables,
        most_rows=_most_rows(facts.trend),
        trend_chart=_trend_chart(facts.trend),
        style=Markup(style),  # noqa: S704 - the project's own file
        style_hash=_policy_hash(style),
    )
    return page.encode()


def _policy_hash(style: str) -> str:
    digest = hashlib.sha256(style.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _state(facts: Facts) -> tuple[str, str]:
    """Return how the run ended, as a class of the style and in words."""
    if facts.promoted == facts.build.run_id:
        return "good", "Promoted"
    if facts.build.failed():
        return "bad", "Failed"
    return ("bad" if facts.build.obstacle else "plain"), "Not promoted"


def _most_rows(trend: Sequence[TrendRun]) -> int:
    return max((run.rows or 0 for run in trend), default=0)


def _trend_chart(trend: Sequence[TrendRun]) -> Markup:
    heights = [
        None
        if run.buyers is None or run.non_buyers is None
        else list(zip(AUDIENCES, (run.buyers, run.non_buyers), strict=True))
        for run in trend
    ]
    gaps = sum(height is None for height in heights)
    label = f"Rows of {counted(len(trend), 'run')}, {gaps} without a manifest"
    return columns(heights, _most_rows(trend), label)

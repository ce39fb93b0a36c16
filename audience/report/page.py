"""The page: one HTML file without scripts that loads nothing.

Its content security policy allows its own style, by hash, and nothing else.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from audience.builds import in_words, variable_text
from audience.databases import Row
from audience.report import tables
from audience.report.build import Build
from audience.report.numbers import Numbers
from audience.report.trend import TrendRun
from audience.wording import number
from common.text import counted
from publish.manifest import RunFile

PACKAGE = "audience.report"
# Longer lists of files and failed contracts are cut.
LISTED = 100


@dataclass(frozen=True)
class Facts:
    """Everything that a report shows.

    `promoted` is the id of the run that is promoted when the page is written, and
    `was_promoted` says whether this run has been. `numbers` is None if the build did
    not make its marts, `files` if the run has no manifest.
    """

    build: Build
    promoted: str | None
    was_promoted: bool
    numbers: Numbers | None
    load: Sequence[Row]
    files: Sequence[RunFile] | None
    trend: Sequence[TrendRun]


def render(facts: Facts) -> bytes:
    """Return the page."""
    environment = Environment(
        loader=PackageLoader(PACKAGE, "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=number, counted=counted, in_words=in_words, short=_short
    )
    environment.globals.update(
        LISTED=LISTED,
        MINUS=tables.MINUS,
        KINDS=tables.KINDS,
        added=tables.added,
        began_at=tables.began_at,
        how_failed=tables.how_failed,
        longest=tables.longest,
        percent=tables.percent,
        share=tables.share,
        variable_text=variable_text,
        tables=tables,
    )
    style = files(PACKAGE).joinpath("style.css").read_text("utf-8")
    page = environment.get_template("page.html").render(
        facts=facts,
        contact=in_words("{contact}", facts.build.variables),
        most_rows=max((run.rows or 0 for run in facts.trend), default=0),
        style=Markup(style),  # noqa: S704 - the project's own file
        style_hash=_policy_hash(style),
    )
    return page.encode()


def _short(length: float) -> str:
    return f"{round(length, 2):g}"


def _policy_hash(style: str) -> str:
    digest = hashlib.sha256(style.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"

"""The page in a browser, in both themes, its sums, and that it names no person."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, sync_playwright

from audience.report.page import render
from audience.report.tables import least_reachable, most_unsold, percent
from publish.manifest import Suppressions
from tests.report import pages
from tests.report.pages import HOSTILE, JOB, LAST, PAGES, facts, row, run_id
from tests.report.reading import read_report

MOST_BYTES = 200_000
BACKGROUND = "getComputedStyle(document.body).backgroundColor"
# Notes what the policy has refused, before anything of the page is read.
WATCH = """
    window.violations = [];
    document.addEventListener("securitypolicyviolation",
        event => window.violations.push(event.violatedDirective));
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every made-up report as a file."""
    made = tmp_path_factory.mktemp("reports")
    for name, build in PAGES.items():
        (made / f"{name}.html").write_bytes(render(build()))
    return made


def requested(page: Page) -> list[str]:
    """Return a list of the addresses that a page asks for from now on."""
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    return seen


def console(page: Page) -> list[str]:
    """Return a list of what a page says on its console from now on."""
    seen: list[str] = []
    page.on("console", lambda message: seen.append(message.text))
    return seen


def wide(page: Page) -> bool:
    """Return whether the page scrolls sideways with all parts unfolded."""
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found: bool = page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_and_loads_nothing(
    browser: Browser, folder: Path, name: str
) -> None:
    """At 360 and 1440 pixels in both themes; the policy allows all that it has."""
    url = (folder / f"{name}.html").as_uri()
    context = browser.new_context(color_scheme="light")
    context.add_init_script(WATCH)
    page = context.new_page()
    asked, said = requested(page), console(page)
    page.goto(url)
    for width in (360, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        assert not wide(page)
    assert page.title().startswith(page.inner_text("h1"))
    light = page.evaluate(BACKGROUND)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    # Only colours differ in the dark.
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(BACKGROUND) != light
    found = Axe().run(page, options={"runOnly": ["color-contrast"]})
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("window.violations") == []
    assert (asked, said) == ([url], [])
    context.close()


def test_the_policy_refuses_foreign_content(browser: Browser, folder: Path) -> None:
    """A script, a style, an image or a request in a name would do nothing."""
    context = browser.new_context()
    context.add_init_script(WATCH)
    page = context.new_page()
    answered: list[str] = []
    page.on("response", lambda response: answered.append(response.url))
    page.goto((folder / "facts.html").as_uri())
    page.evaluate("""() => {
        document.body.insertAdjacentHTML("beforeend",
            "<img src='https://example.org/x.png'><p style='color: red'>red</p>");
        const script = document.createElement("script");
        script.textContent = "window.ran = true";
        document.body.append(script);
        return fetch("https://example.org/").catch(() => null);
    }""")
    page.wait_for_function("window.violations.length === 4")
    refused = page.evaluate("window.violations")
    assert sorted(refused) == [
        "connect-src",
        "img-src",
        "script-src-elem",
        "style-src-attr",
    ]
    assert page.evaluate("window.ran") is None
    assert len(answered) == 1
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_small_and_reproducible(folder: Path, name: str) -> None:
    """Even with 500 jobs, 30 runs and 273 contracts."""
    page = (folder / f"{name}.html").read_bytes()
    assert len(page) < MOST_BYTES
    assert render(PAGES[name]()) == page


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_script_and_no_link(folder: Path, name: str) -> None:
    """Nothing that a browser would run, follow or fetch, and no person's name."""
    page = (folder / f"{name}.html").read_text()
    read = read_report(page)
    assert not read.tags & {"script", "link", "img", "a", "iframe", "form", "b"}
    assert not {a for a in read.attributes if a.startswith("on")}
    assert not read.attributes & {"style", "src", "href", "srcset"}
    assert "://" not in page
    assert "Canaryteacher" not in page


def test_hostile_names_are_shown_as_they_are(browser: Browser, folder: Path) -> None:
    """Each on one line, cut after 80 characters, in its own writing direction."""
    read = read_report((folder / "facts.html").read_text())
    assert "Closed" not in read.headings
    names = [row[0] for row in read.tables["reachable"][1:]]
    # A character that cannot be seen is shown as one that can.
    unseen = dict.fromkeys(map(ord, "\u202e\u2067"), "\ufffd")
    wanted = [name.translate(unseen) for name in HOSTILE]
    short = [n if len(n) <= 80 else n[:79] + "\u2026" for n in wanted]
    assert names == [n or "No name, job-0009" for n in short]
    page = browser.new_page()
    page.goto((folder / "facts.html").as_uri())
    assert page.title().startswith("1,100 rows for 900 phones")
    shown = page.locator("#reachable tbody bdi").all_inner_texts()
    assert len(shown) == len(names)
    page.close()


def test_the_funnel_adds_up() -> None:
    """Each sum is the one before, plus and minus the changes between."""
    table = read_report(render(facts()).decode()).tables["funnel"][1:]
    reached = None
    for label, count in table:
        signed = count[0] in "+\u2212"
        number = int(count.replace("\u2212", "-").replace(",", ""))
        if signed:
            assert reached is not None
            reached += number
        else:
            assert reached in (None, number), label
            reached = number
    assert reached == 900


def test_the_weakest_jobs_come_first() -> None:
    """By share, the larger first among equals, without small jobs; or by number."""
    sizes = {"small": (9, 0), "half": (10, 5), "large": (20, 10), "none": (10, 0)}
    jobs = [row(JOB, "north", n, n, *size, 3) for n, size in sizes.items()]
    weak = [job["job_name"] for job in least_reachable(jobs)]
    assert weak == ["none", "large", "half"]
    assert least_reachable([row(JOB, "north", "j", "All", 50, 50, 0)]) == []
    unsold = [row(JOB, "north", str(n), f"Job {n}", 99, 99, n) for n in range(30)]
    assert [job["job_name"] for job in most_unsold(unsold)] == [
        f"Job {n}" for n in range(29, 19, -1)
    ]


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [
        (0, 0, "\u2013"),
        (0, 9, "0 %"),
        (1, 1000, "<1 %"),
        (999, 1000, ">99 %"),
        (2, 3, "67 %"),
        (9, 9, "100 %"),
    ],
)
def test_rounding_makes_no_share_none_or_all(part: int, whole: int, said: str) -> None:
    assert percent(part, whole) == said


def test_the_answer_comes_first() -> None:
    """What was promoted, or that nothing was, and why."""
    answers = {
        name: read_report(render(made()).decode()).headings[0]
        for name, made in PAGES.items()
    }
    assert answers == {
        "facts": "1,100 rows for 900 phones were promoted.",
        "many_jobs": "1,100 rows for 900 phones were promoted.",
        "failed": "Nothing was promoted: 2 contracts failed.",
        "early": "Nothing was promoted: 2 contracts failed.",
        "guarded": "1,100 rows for 900 phones were not promoted.",
        "refreshed": "1,100 rows for 900 phones were promoted.",
        "not_asked": "1,100 rows for 900 phones were ready; the build did not ask to "
        "promote.",
        "empty": "A run without a row was promoted.",
        "one_portal": "1 row for 1 phone was promoted.",
    }
    said = render(PAGES["failed"]()).decode()
    assert "assert_no_suppressed_address_is_exported (12 rows), int_galleries" in said
    assert f"Run {run_id(28)} stayed promoted." in said
    held_back = render(PAGES["guarded"]()).decode()
    assert f"sms publish promote {LAST} --accept-change" in held_back


@pytest.mark.parametrize("name", PAGES)
def test_a_page_stays_true_after_later_promotions(name: str) -> None:
    """It describes its build, and names the command that knows the present."""
    page = render(PAGES[name]()).decode()
    said = {
        "failed": ("Failed", f"Run {run_id(28)} stayed promoted."),
        "early": ("Failed", "No run was promoted."),
        "guarded": ("Not promoted by its build", f"Run {run_id(28)} stayed promoted."),
        "refreshed": ("Promoted by its build", f"{run_id(30)} was promoted in its"),
        "not_asked": ("Not promoted by its build", "No run was promoted."),
    }.get(name, ("Promoted by its build", ""))
    assert f">{said[0]}</p>" in page
    assert said[1] in page
    assert ("stayed promoted" in page) == (name in ("failed", "guarded"))
    has_files = name not in ("failed", "early")
    assert (f"<code>sms publish show {LAST}</code> says what" in page) == has_files
    assert not re.search(r"(?<!which run )is promoted|stays promoted", page)


def test_assumed_consent_is_counted_separately() -> None:
    """By portal and audience; unknown words by portal, with what to do."""
    page = render(facts()).decode()
    assert read_report(page).numbers("consents") == {
        "north, buyers": [100, 200],
        "north, non-buyers": [0, 500],
        "south, buyers": [100, 0],
        "south, non-buyers": [200, 0],
        "All rows": [400, 700],
    }
    assert page.count("explicit without a date, so the activity") == 1
    words = read_report(page).numbers("unknown_words")
    assert words == {"south": [2, 1, 3], "All portals": [2, 1, 3]}
    assert "counts as no consent, so they get no text" in page
    assert "add it to seeds/consent_values.csv" in page
    empty = read_report(render(PAGES["empty"]()).decode()).tables
    assert not {"consents", "unknown_words"} & empty.keys()


def test_a_build_with_neither_ledger_nor_list_has_a_banner() -> None:
    nothing = {"sms": 0, "email": 0}
    for segments, is_shown in ((), True), (("s.csv",), False):
        found = Suppressions(segments, 7, nothing, "d", 4, None)
        page = render(replace(facts(), build=pages.build(suppressions=found))).decode()
        assert ("neither a ledger nor a list of suppressions" in page) == is_shown
        rows = read_report(page).numbers("suppressions")
        assert rows["Matched an address of the load"] == [4]
        assert rows["Entries of the ledger"] == [7]


def test_failed_contracts_come_first_and_passed_ones_are_named() -> None:
    """With their rows, and the number of each kind that passed."""
    page = render(PAGES["failed"]()).decode()
    read = read_report(page)
    assert read.tables["failures"][1:] == [
        ["assert_no_suppressed_address_is_exported", "12 rows"],
        ["int_galleries", "error"],
    ]
    assert read.numbers("contracts") == {
        "data tests": [200, 1, 0],
        "unit tests": [25, 0, 0],
        "models": [46, 1, 1],
        "seeds": [3, 0, 0],
        "All": [274, 2, 1],
    }
    assert page.count("<li>test_of_a_rather_long_name_") == 200


def test_a_failed_run_is_a_gap() -> None:
    """A mark in the chart, and a line in its table."""
    page = render(facts()).decode()
    assert page.count('class="gap"') == 2
    table = read_report(page).tables["trend"][1:]
    assert len(table) == 30
    assert sum(row[1:] == ["\u2013"] * 3 for row in table) == 2
    assert table[0][1:] == ["329", "658", "987"]

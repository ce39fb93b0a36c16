"""docs/rules.md states every rule that the project cites, and where each one lives."""

import json
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.e2e.project import BIN, SOURCE

RULES = SOURCE / "docs" / "rules.md"
# Everything that can cite a rule.
FOLDERS = (
    *("models", "macros", "seeds", "tests", "audience"),
    *("common", "docs", "extract", "ops", "publish"),
)
SUFFIXES = {".csv", ".md", ".py", ".sql", ".yml"}
NODES = ("nodes", "macros", "unit_tests")


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of all that dbt finds in the project."""
    target = tmp_path_factory.mktemp("rules") / "target"
    subprocess.run(
        [BIN / "dbt", "--quiet", "parse", "--target-path", target],
        cwd=SOURCE,
        check=True,
    )
    manifest = json.loads((target / "manifest.json").read_text())
    return {
        node["name"]
        for kind in NODES
        for node in manifest[kind].values()
        if node["package_name"] == "sms_campaigns"
    }


def test_every_cited_rule_is_stated() -> None:
    cited = rules_in(path for folder in FOLDERS for path in texts(SOURCE / folder))

    assert cited <= set(stated())


def test_every_rule_is_stated_once_and_in_order() -> None:
    assert stated() == [f"R{number}" for number in range(1, 15)]


def test_every_rule_is_cited_by_a_model_or_macro() -> None:
    cited = rules_in(
        path
        for folder in ("models", "macros")
        for path in texts(SOURCE / folder)
        if path.suffix == ".sql"
    )

    assert cited == set(stated())


def test_every_rule_is_in_the_table_with_what_implements_it() -> None:
    implemented = {rule: bool(models) for rule, models, _ in table()}

    assert implemented == dict.fromkeys(stated(), True)


@pytest.mark.slow
def test_every_name_in_the_table_is_the_projects(names: set[str]) -> None:
    named = {
        name
        for _, *cells in table()
        for cell in cells
        for name in re.findall(r"`(\w+)`", cell)
    }

    assert named - names == set()


@pytest.mark.slow
def test_every_unit_test_is_in_the_row_of_the_rule_that_it_is_named_after(
    names: set[str],
) -> None:
    unit_tests = {name for name in names if re.match(r"r\d+_", name)}

    listed = {
        name
        for rule, _, tests in table()
        for name in re.findall(r"`(\w+)`", tests)
        if name.startswith(f"{rule.lower()}_")
    }

    assert listed == unit_tests


def stated() -> list[str]:
    """Return the rules that have a section, in its order."""
    return re.findall(r"^## (R\d+) ", RULES.read_text(), flags=re.MULTILINE)


def table() -> list[tuple[str, str, str]]:
    """Return the table's rows: a rule, what implements it, what tests it."""
    rows = re.findall(
        r"^\| (R\d+) \|(.*)\|(.*)\|$", RULES.read_text(), flags=re.MULTILINE
    )
    assert rows
    return rows


def rules_in(paths: Iterable[Path]) -> set[str]:
    """Return the rules that files cite."""
    return {
        rule for path in paths for rule in re.findall(r"\bR\d+\b", path.read_text())
    }


def texts(folder: Path) -> Iterable[Path]:
    """Return the files of a folder that can cite a rule."""
    return (path for path in folder.rglob("*") if path.suffix in SUFFIXES)

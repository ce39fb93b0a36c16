"""What is stated in two places agrees: links, settings, commands, codes, reasons."""

import csv
import re
from importlib import import_module

import pytest

from ops.cli import GROUPS, cli
from ops.settings.reading import DEFAULTS
from tests.e2e.project import SOURCE
from tests.reference.interface import REASONS

FOLDERS = ("", ".github", "docs", "deploy/iam")
DOCUMENTS = sorted(path for f in FOLDERS for path in (SOURCE / f).glob("*.md"))
README = (SOURCE / "README.md").read_text()
# What boto3 and the system read, and not this project's own.
FOREIGN = re.compile("(AWS|XDG)_")


@pytest.mark.parametrize("name", [str(p.relative_to(SOURCE)) for p in DOCUMENTS])
def test_links_lead_somewhere(name: str) -> None:
    document = SOURCE / name
    text = re.sub(r"`[^`]*`|^ {4}.*$", "", document.read_text(), flags=re.MULTILINE)
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    files = {target.split("#")[0] for target in targets if "://" not in target}

    missing = {f for f in files if f and not (document.parent / f).exists()}

    assert missing == set()


def test_the_readme_has_every_command() -> None:
    rows = re.findall(r"^\| `sms (\w+)` \| (.*) \|$", README, re.MULTILINE)

    shown = {group: set(re.findall(r"`(\w+)`", names)) for group, names in rows}

    assert shown == {
        group: set(getattr(import_module(module).cli, "commands", ()))
        for group, (module, _) in GROUPS.items()
    }


def test_the_readme_has_every_exit_code() -> None:
    rows = re.findall(r"^\| (\d[\d, ]*) \| [^|]* \|$", README, re.MULTILINE)
    helped = str(cli.help).split("Exit codes:")[1]

    shown = {code for row in rows for code in row.split(", ")}

    assert shown == set(re.findall(r"\d+", helped))


def test_the_example_has_every_setting_and_no_value_of_a_secret() -> None:
    settings = (SOURCE / "docs" / "settings.md").read_text()
    documented = set(re.findall(r"`([A-Z_]+)`", settings.split("## Variables")[0]))
    example = (SOURCE / ".env.example").read_text()
    listed = dict(re.findall(r"^#([A-Z_]+)=(.*)$", example, re.MULTILINE))

    assert {name for name in documented if not FOREIGN.match(name)} == {
        name for name in listed if not FOREIGN.match(name)
    }
    assert {name for name, value in listed.items() if value} == {
        "DBT_TARGET",
        "DBT_THREADS",
        "LANDING_DIR",
        "DUCKDB_PATH",
        "EXPORT_ROOT",
        "NIGHTLY_LOG_FORMAT",
    }
    assert {name for name in DEFAULTS if not FOREIGN.match(name)} == {
        name for name in listed if not FOREIGN.match(name)
    }
    assert {name: value for name, value in DEFAULTS.items() if value} == {
        name: value for name, value in listed.items() if value
    }


def test_every_reason_of_the_seed_has_a_condition_and_is_in_the_reference() -> None:
    with (SOURCE / "seeds" / "exclusion_reasons.csv").open(newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["precedence"]))
    seeded = tuple(row["reason"] for row in rows)
    model = SOURCE / "models" / "intermediate" / "int_candidate_reasons.sql"
    conditions = re.findall(r"'(\w+)'", model.read_text())

    assert seeded == REASONS
    # These are decided after all others, in another model (R12).
    assert set(seeded) - set(conditions) == {"buyer_elsewhere", "duplicate"}

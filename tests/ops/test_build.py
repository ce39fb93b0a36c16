"""What a build decides: its variables, its obstacles, its columns. No dbt runs."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import publish
from common.errors import CommandError, ConfigError
from ops.build.database import check_database, make_private
from ops.build.invocation import Invocation, read_invocation
from ops.build.variables import VARIABLES, check_variables, filters
from tests.reference import EXPORT_COLUMNS

PROJECT = Path(__file__).parents[2]
DEFAULTS: dict[str, Any] = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())[
    "vars"
]
SCHEMA = Path(publish.__file__).parent / "schemas" / "audience.schema.json"


def test_every_variable_has_a_default_that_is_allowed() -> None:
    assert DEFAULTS.keys() == VARIABLES.keys()
    check_variables(DEFAULTS, DEFAULTS, {})


def test_the_schema_has_the_filters() -> None:
    schema = json.loads(SCHEMA.read_text())["$defs"]["filters"]
    assert schema["properties"].keys() == filters(DEFAULTS).keys()


MISTAKES: dict[str, tuple[Any, str]] = {
    "allow_unreadable": (-1, "allow_unreadable must be a whole number from 0"),
    "portals": (["west"], "portals cannot hold west (allowed: north, south)"),
    "job_uuids": (["none"], "job_uuids cannot hold none (allowed: j)"),
    "groups": ("3B", "groups must be a list"),
    "contact_filter": ("fax", "contact_filter cannot be fax (allowed: phone, "),
    "audience": ("all", "(allowed: both, buyers, non_buyers)"),
    "dedup_by": ("name", "(allowed: activity_subject, phone_job, phone)"),
    "contact_routes": (
        ["subject", "subject"],
        "contact_routes must not have a route twice",
    ),
    "max_subjects_per_address": (-1, "address must be a whole number from 0"),
    "buyers_get_no_reminder": ("school", "(allowed: never, job, portal)"),
    "export_formats": ([], "export_formats must not be empty (allowed: csv, json)"),
    "require_images": ("yes", "require_images must be true or false"),
    "registered_only": (1, "registered_only must be true or false"),
    "promote": (None, "promote must be true or false"),
    "consent_max_age_days": (True, "must be a whole number from 0 to 36500"),
    "max_change": (1001, "max_change must be a number from 0 to 1000, or false"),
    "as_of": ("yesterday", "as_of must be an ISO 8601 date"),
}


def test_all_mistakes_are_in_one_line() -> None:
    """R11."""
    assert MISTAKES.keys() == VARIABLES.keys()
    values = {name: value for name, (value, _) in MISTAKES.items()}
    known = {"portals": ["north", "south"], "job_uuids": ["j"]}
    with pytest.raises(ConfigError) as error:
        check_variables(values, ["portal"], known)
    message = str(error.value)
    assert [text for _, text in MISTAKES.values() if text not in message] == []
    assert message.startswith(
        "unknown variable portal (allowed: allow_unreadable, as_of,"
    )
    assert "\n" not in message


def invocation(**changes: Any) -> Invocation:
    result = {"id": "a", "name": "a", "kind": "test", "status": "pass", "failures": 0}
    given = {
        "run_id": "run",
        "command": "build",
        "environment": "dev",
        "is_partial": False,
        "given": [],
        "variables": yaml.safe_dump(DEFAULTS),
        "contracts": ["a"],
        "selected": ["a"],
        "results": [{**result, **changes.pop("result", {})}],
        **changes,
    }
    return read_invocation(json.dumps(given))


@pytest.mark.parametrize(
    ("changes", "obstacle"),
    [
        ({}, ""),
        ({"command": "run"}, "only `dbt build` checks every contract, and this was "),
        ({"result": {"status": "warn"}}, "1 did not pass: a (warn)"),
        ({"is_partial": True}, "it was built from a part of the rows"),
        ({"contracts": ["a", "b"]}, "1 of 2 models, seeds and tests were left out"),
        ({"results": []}, "1 of 1 models, seeds and tests were left out"),
    ],
)
def test_only_a_whole_build_that_passed_is_promoted(
    changes: dict[str, Any], obstacle: str
) -> None:
    found = invocation(**changes).obstacle()
    assert found.startswith(obstacle)
    assert bool(found) == bool(obstacle)


def test_the_columns_are_the_same_everywhere() -> None:
    """The model, its contract, the schema, the guide and the reference."""
    model = (PROJECT / "models/exports/export_contacts.sql").read_text()
    selected = re.findall(r" as \"?(\w+)\"?,\n", model)
    contract = yaml.safe_load(
        (PROJECT / "models/exports/_exports__models.yml").read_text()
    )["models"][0]
    described = [column["name"] for column in contract["columns"]]
    schema = json.loads(SCHEMA.read_text())["$defs"]["contact"]
    guide = (PROJECT / "docs/consuming.md").read_text()
    guide = guide.split("## The columns")[1].split("\n- ")[0]
    assert tuple(selected) == EXPORT_COLUMNS
    assert tuple(described) == (*EXPORT_COLUMNS, "audience")
    assert tuple(schema["required"]) == tuple(schema["properties"]) == EXPORT_COLUMNS
    assert tuple(re.findall(r"^\| `(\w+)` \|", guide, re.M)) == EXPORT_COLUMNS


@pytest.mark.parametrize("name", ["/proc/x.duckdb", "/nowhere/x.duckdb", "/"])
def test_a_database_that_cannot_be_written_is_a_line(name: str) -> None:
    with pytest.raises(CommandError) as error:
        check_database(name)
    assert "\n" not in str(error.value)


def test_a_database_that_others_could_read_is_private_again(tmp_path: Path) -> None:
    path = tmp_path / "x.duckdb"
    path.touch()
    path.chmod(0o644)
    make_private(path)
    check_database(str(path))
    assert path.stat().st_mode & 0o777 == 0o600

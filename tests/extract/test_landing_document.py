"""docs/landing.md and the models' sources state what extract.landing.SCHEMA lands."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from extract.landing import SCHEMA, begun_at
from extract.load import Limits
from tests.extract.fake_portal import serve
from tests.extract.loading import load, studio

SOURCE = Path(__file__).parents[2]
DOCUMENT = (SOURCE / "docs" / "landing.md").read_text()
KINDS = {str: "string", dict: "object", int: "number", float: "number"}


def part(heading: str) -> str:
    """Return the text under a heading."""
    text = DOCUMENT.split(f"\n{heading}\n")[1]
    return re.split(r"\n##+ ", text)[0]


def tables(text: str) -> list[list[list[str]]]:
    """Return the cells of the tables in a text, without their headers."""
    found = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    return [
        [[cell.strip(" `") for cell in row.split("|")[1:-1]] for row in rows[2:]]
        for rows in (table.splitlines() for table in found)
    ]


def columns(entity: str) -> dict[str, str]:
    """Return the columns and types that the document has for a file."""
    (table,) = tables(part(f"### {entity}.parquet"))
    return {row[0]: row[1] for row in table}


def test_the_document_lists_exactly_the_files() -> None:
    named = re.findall(r"^### (\w+)\.parquet$", DOCUMENT, re.MULTILINE)
    assert named == [*SCHEMA]


@pytest.mark.parametrize("entity", SCHEMA)
def test_the_document_has_every_column_with_its_type(entity: str) -> None:
    assert [*columns(entity).items()] == [*SCHEMA[entity].items()]


def test_the_models_read_landed_columns_only() -> None:
    read = {
        table["name"]: [
            (column["name"], column["data_type"].upper()) for column in table["columns"]
        ]
        for table in source_tables()
        if any("data_type" in column for column in table["columns"])
    }
    landed = {
        entity: [(name, kind.upper()) for name, kind in columns.items()]
        for entity, columns in SCHEMA.items()
        if entity != "quarantine"
    }
    assert read == landed


def source_tables() -> list[dict[str, Any]]:
    """Return the tables of the models' source."""
    path = SOURCE / "models/staging/portal/_portal__sources.yml"
    (landing,) = yaml.safe_load(path.read_text())["sources"]
    tables: list[dict[str, Any]] = landing["tables"]
    return tables


def test_the_document_has_the_keys_that_a_build_checks() -> None:
    checked = {
        table["name"]: test["unique_key"]["arguments"]["columns"]
        for table in source_tables()
        for test in table.get("data_tests", [])
    }
    for entity in SCHEMA:
        found = re.search(r"(No key|Key: ([^.]*))\.\n", part(f"### {entity}.parquet"))
        assert found is not None, entity
        key = re.findall(r"`(\w+)`", found[2] or "")
        assert checked.get(entity, ["portal"]) == ["portal", *key]


def test_the_document_has_every_field_of_load_json(tmp_path: Path) -> None:
    of_load, of_portal = tables(part("## load.json"))
    with serve(studio()) as portal:
        load(portal.base_url, tmp_path)
        # This one says more: it has no subjects left.
        portal.routes |= {path: [] for path in portal.routes if "subjects?" in path}
        load(portal.base_url, tmp_path, limits=Limits(accepts_shrink=True))
    facts = json.loads((tmp_path / "current" / "load.json").read_text())
    assert begun_at(facts["load_id"]).strftime("%Y%m%d") == facts["load_id"][:8]
    assert {row[0]: row[1] for row in of_load} == kinds(facts)
    assert {row[0]: row[1] for row in of_portal} == kinds(facts["portals"]["studio"])
    needed = [row[0] for row in of_load if row[2] == "yes"]
    assert needed == ["load_id", "extracted_at", "portals"]


def kinds(facts: dict[str, Any]) -> dict[str, str]:
    """Return the JSON types of fields."""
    return {name: KINDS[type(value)] for name, value in facts.items()}

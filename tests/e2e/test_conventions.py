"""Conventions that only a build shows: what its tables really have is described."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.e2e.project import Project, read_json

type Columns = dict[tuple[str, str], str]


@pytest.fixture(scope="module")
def plain(built: Callable[[Mapping[str, Any]], Project]) -> Project:
    """A build with the defaults."""
    return built({})


@pytest.fixture(scope="module")
def manifest(plain: Project) -> dict[str, Any]:
    """What dbt knows of the project."""
    return read_json(plain.folder / "target" / "manifest.json")


@pytest.fixture(scope="module")
def columns(plain: Project) -> Columns:
    """The types of the columns of all that the build made, by relation and name."""
    with duckdb.connect(plain.database, read_only=True) as data:
        rows = data.sql(
            """
            select schema_name || '.' || table_name, column_name, data_type
            from duckdb_columns()
            where not internal and schema_name not in ('landing', 'run')
            """
        ).fetchall()
    return {(relation, name): data_type for relation, name, data_type in rows}


def test_every_column_is_described_and_every_described_column_is_there(
    manifest: Mapping[str, Any], columns: Columns
) -> None:
    described = {
        (f"{node['schema']}.{node['name']}", column["name"])
        for node in manifest["nodes"].values()
        if node["resource_type"] in {"model", "seed"}
        for column in node["columns"].values()
        if column["description"]
    }

    assert described == set(columns)


def test_names_say_what_is_a_flag_and_what_a_time(columns: Columns) -> None:
    flags = {key for key, data_type in columns.items() if data_type == "BOOLEAN"}
    times = {key for key, data_type in columns.items() if data_type == "TIMESTAMP"}
    # Evidence and exports have times as text, as their files do.
    written = {key for key in columns if key[0].startswith("exports.")}
    written |= {("marts.audience_evidence", "consented_at")}

    assert flags == {key for key in columns if key[1].startswith(("is_", "has_"))}
    named = {key for key in columns if key[1].endswith("_at")} - written
    assert times == named | {("intermediate.int_run", "as_of")}


def test_the_macro_that_a_file_is_named_after_is_described(
    manifest: Mapping[str, Any],
) -> None:
    undescribed = [
        macro["name"]
        for macro in manifest["macros"].values()
        if macro["package_name"] == "sms_campaigns"
        if Path(macro["path"]).stem == macro["name"] and not macro["description"]
    ]

    assert undescribed == []

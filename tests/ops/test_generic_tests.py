"""What the contracts of tests/generic find, and how many rows they name."""

from pathlib import Path

import duckdb
import pytest
from jinja2 import Environment

FOLDER = Path(__file__).parents[1] / "generic"


def failing(rows: str, name: str, *arguments: object) -> list[tuple[object, ...]]:
    """Run a contract on a table `model` that holds the rows of a values clause."""
    source = (FOLDER / f"{name}.sql").read_text()
    macro = source.replace("{% test", "{% macro").replace("endtest", "endmacro")
    module = Environment(autoescape=False).from_string(macro).module
    query = getattr(module, name)("model", *arguments)
    with duckdb.connect() as connection:
        connection.execute(
            f"create table model as from (values {rows}) as v (a, b, kept)"
        )
        connection.execute("create table other as select a, b from model where kept")
        return sorted(connection.execute(query).fetchall(), key=str)


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ("('x', 1, 1), ('x', 2, 1), ('y', 1, 1)", []),
        (
            "('x', 1, 1), ('x', 1, 1), ('x', 1, 1), ('y', 2, 1), ('y', 2, 1)",
            [("x", 1, 3), ("y", 2, 2)],
        ),
        ("('x', 1, 1), (null, 1, 1), ('y', null, 1)", [("y", None, 1), (None, 1, 1)]),
        ("(null, 1, 1), (null, 1, 1)", [(None, 1, 2)]),
    ],
)
def test_a_key_that_is_null_or_not_unique_is_named_once(
    rows: str, found: list[tuple[object, ...]]
) -> None:
    assert failing(rows, "unique_key", ["a", "b"]) == sorted(found, key=str)


def test_each_key_that_is_lost_is_named_once() -> None:
    rows = "('x', 1, true), ('x', 2, false), ('x', 2, false), ('y', 3, false)"
    assert failing(rows, "keys_kept", "other", ["a", "b"]) == [("x", 2), ("y", 3)]
    assert failing(rows, "keys_kept", "other", ["a", "b"], "b < 3") == [("x", 2)]

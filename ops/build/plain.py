"""Showing an error of ours in dbt's output as the one line that it is.

DuckDB reports an exception of a Python function in words of its own, and dbt adds the
macros that the call went through. Neither helps whoever reads the message.
"""

import re

import duckdb
from dbt.adapters.duckdb.environments import local
from dbt_common.exceptions import DbtRuntimeError

from common import errors

OURS = [
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.CommandError)
]
WRAPPED = re.compile(
    "Invalid Input Error: Python exception occurred while executing the UDF: "
    rf"(?:{'|'.join(OURS)}): (.*)",
    re.DOTALL,
)


class PlainError(DbtRuntimeError):
    """An error that dbt shows without a heading and without macros."""

    def __str__(self) -> str:  # type: ignore[override]
        """Return the message alone."""
        return str(self.msg)


class PlainCursor(local.DuckDBCursorWrapper):
    """A cursor of dbt-duckdb that raises errors of ours as they were."""

    def execute(self, sql: str, bindings: object = None) -> object:
        """Execute a statement."""
        try:
            return super().execute(sql, bindings)  # type: ignore[no-untyped-call]
        except duckdb.Error as error:
            if match := WRAPPED.match(str(error)):
                raise PlainError(match[1]) from error
            raise


def show_errors_plainly() -> None:
    """Have dbt-duckdb use the cursor above: it has no setting for that."""
    local.DuckDBCursorWrapper = PlainCursor  # type: ignore[misc]

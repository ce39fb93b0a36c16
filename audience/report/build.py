"""What a build knows of itself at its end, as ops.build.hooks says it.

    report_json   {"run_id", "load_id", "code_version", "obstacle",
                   "variables": {...}, "left_out",
                   "results": [{"name", "kind", "status", "failures"}]}

`kind` is dbt's: model, seed, test, unit_test. `failures` is a test's number of rows or
null. `obstacle` says why the run must not be promoted, and is empty otherwise.
`left_out` counts the nodes without a result. There is no personal data, except that
`variables` can list groups, which can be named after teachers.
"""

from dataclasses import dataclass

from publish.fields import Fields, Json
from publish.layout import AUDIENCES
from publish.manifest import Suppressions

GOOD = ("success", "pass")
SKIPPED = "skipped"


@dataclass(frozen=True)
class Result:
    """How a model, a seed or a test ended."""

    name: str
    kind: str
    status: str
    failures: int | None

    @property
    def is_good(self) -> bool:
        """Return whether it allows a promotion."""
        return self.status in GOOD

    @property
    def is_skipped(self) -> bool:
        """Return whether it did not run, because something before it failed."""
        return self.status == SKIPPED


@dataclass(frozen=True)
class Build:
    """A build that has ended."""

    run_id: str
    load_id: str
    code_version: str
    obstacle: str
    variables: dict[str, Json]
    left_out: int
    results: tuple[Result, ...]
    suppressions: Suppressions | None = None

    def has_made(self, model: str) -> bool:
        """Return whether this build made a model, not an earlier one."""
        return any(r.name == model and r.is_good for r in self.results)

    @property
    def audiences(self) -> tuple[str, ...]:
        """Return the audiences to write, by the variable `audience`."""
        chosen = self.variables.get("audience", "both")
        return tuple(name for name in AUDIENCES if chosen in (name, "both"))

    def failed(self) -> list[Result]:
        """Return what failed, most rows first, without what was skipped."""
        bad = [r for r in self.results if not (r.is_good or r.is_skipped)]
        return sorted(bad, key=lambda r: (-(r.failures or 0), r.kind, r.name))

    def passed(self) -> list[Result]:
        """Return what passed, by name."""
        return sorted(
            (r for r in self.results if r.is_good), key=lambda r: (r.kind, r.name)
        )


def read_build(report_json: str) -> Build:
    """Return the build of report_json; raise ContractError if malformed."""
    fields = Fields.parse("report_json", report_json)
    return Build(
        run_id=fields.run_id("run_id"),
        load_id=fields.text("load_id"),
        code_version=fields.text("code_version"),
        obstacle=fields.text("obstacle", empty=True),
        variables=fields.mapping("variables"),
        left_out=fields.count("left_out"),
        results=tuple(_read_result(item) for item in fields.items("results")),
    )


def _read_result(fields: Fields) -> Result:
    return Result(
        name=fields.text("name"),
        kind=fields.text("kind"),
        status=fields.text("status"),
        failures=fields.count_or_none("failures"),
    )

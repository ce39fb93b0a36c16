"""What a build knows of itself at its end.

None of it is personal data, except that `variables` can list groups, which can be named
after teachers.
"""

from dataclasses import dataclass

from publish.fields import Json
from publish.layout import AUDIENCES
from publish.manifest import Suppressions

GOOD = ("success", "pass")
SKIPPED = "skipped"


@dataclass(frozen=True)
class Result:
    """How a model, a seed or a test ended.

    `kind` and `status` are dbt's; `failures` is a test's number of rows.
    """

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
    """A build that has ended.

    `obstacle` says why the run must not be promoted, and is empty otherwise. `left_out`
    counts the nodes without a result.
    """

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

"""What only dbt knows of a build, as macros/run/invocation.sql hands it over.

    invocation_json {"run_id", "command", "environment", "is_partial", "given": [name],
                     "variables": YAML of {name: value},
                     "contracts": [unique_id], "selected": [unique_id],
                     "results": [{"id", "name", "kind", "status", "failures"}]}

`command` is dbt's, such as build; `environment` is dbt's target. `is_partial` says
whether the rows were limited. `given` are the variables of the command line.
`contracts` are all models, seeds and tests of the project; they, `selected` and
`results` are given at the end of a build only.
"""

import json
from dataclasses import dataclass
from typing import Any

from dbt.clients.yaml_helper import load_yaml_text

from audience.report.build import GOOD, Result

READS_LANDING = ("build", "run", "test", "retry")
WRITES_FILES = ("build", "run", "retry")
CHANGES_TABLES = (*WRITES_FILES, "seed", "snapshot")
NAMED = 5


@dataclass(frozen=True)
class Invocation:
    """One run of dbt."""

    run_id: str
    command: str
    environment: str
    is_partial: bool
    given: tuple[str, ...]
    variables: dict[str, Any]
    contracts: tuple[str, ...]
    selected: frozenset[str]
    results: dict[str, Result]

    @property
    def promotes(self) -> bool:
        """Whether the run is to be promoted if all contracts pass."""
        return self.command == "build" and self.variables["promote"] is not False

    @property
    def is_whole_build(self) -> bool:
        """Whether it is a build that no selection narrows: only that has a report."""
        return self.command == "build" and self.selected.issuperset(self.contracts)

    def left_out(self) -> int:
        """Return how many models, seeds and tests have no result."""
        return sum(contract not in self.results for contract in self.contracts)

    def obstacle(self) -> str:
        """Return what forbids a promotion, or ''.

        Every model, seed and test must have a good result of this invocation: no
        selection, retry or warning can promote what was not checked.
        """
        if self.command != "build":
            return (
                f"only `dbt build` checks every contract, and this was dbt "
                f"{self.command}"
            )
        bad = [r for r in self.results.values() if r.status not in GOOD]
        if bad:
            names = ", ".join(f"{r.name} ({r.status})" for r in bad[:NAMED])
            more = " and more" if len(bad) > NAMED else ""
            return f"{len(bad)} did not pass: {names}{more}"
        if self.is_partial:
            return "it was built from a part of the rows (--empty or --sample)"
        if left_out := self.left_out():
            total = len(self.contracts)
            return f"{left_out} of {total} models, seeds and tests were left out"
        return ""


def read_invocation(invocation_json: str) -> Invocation:
    """Read invocation_json."""
    given = json.loads(invocation_json)
    return Invocation(
        run_id=given["run_id"],
        command=given["command"],
        environment=given["environment"],
        is_partial=given["is_partial"],
        given=tuple(given["given"]),
        variables=load_yaml_text(given["variables"]) or {},
        contracts=tuple(given["contracts"]),
        selected=frozenset(given["selected"]),
        results={
            r["id"]: Result(r["name"], r["kind"], r["status"], r["failures"])
            for r in given["results"]
        },
    )

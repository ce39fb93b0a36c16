"""Where one address was exported: in which runs and rows, and on what evidence."""

from collections.abc import Iterable

from common.errors import ContractError
from common.text import counted
from publish.contacts import KEY, find, key, table
from publish.history import promotions
from publish.layout import EVIDENCE
from publish.promotion import load_manifest
from publish.root import Root

# The columns of evidence.csv that a row is shown with.
BASIS = ("basis", "dated_by", "consented_at")
ROUTES = {"phone_number": "phone_route", "email": "email_route"}

type Traced = dict[str, object]


def trace(root: Root, address: str) -> list[Traced]:
    """Return, for every kept run, the rows with an address; newest run first.

    `rows` is null for a run that has no manifest, or a damaged one.
    """
    log = promotions(root)
    return [
        {
            "run_id": run_id,
            "promotions": [
                {"promoted_at": entry.promoted_at, "promoted_by": entry.promoted_by}
                for entry in log
                if entry.run_id == run_id
            ],
            "rows": _rows(root, run_id, address),
        }
        for run_id in root.run_ids()
    ]


def _rows(root: Root, run_id: str, address: str) -> list[Traced] | None:
    try:
        manifest, _ = load_manifest(root, run_id)
    except ContractError:
        return None
    found = find(root, manifest, {address})
    evidence = {}
    for row in table(root, manifest, EVIDENCE) if found else ():
        who = key(row, EVIDENCE)
        if who in found:
            evidence[who] = row
    rows: list[Traced] = []
    for who, place in sorted(found.items()):
        row = evidence.get(who, {})
        routes = (ROUTES[column] for column in place.columns if column in ROUTES)
        rows.append(
            {
                **dict(zip(KEY, who, strict=True)),
                "audience": place.audience,
                "columns": list(place.columns),
                **{name: row.get(name) for name in BASIS},
                "route": next((row.get(route) for route in routes), None),
            }
        )
    return rows


def trace_lines(shown: str, runs: Iterable[Traced]) -> list[str]:
    """Return what `trace` found, for people."""
    lines = []
    for run in runs:
        rows = run["rows"]
        state = "not searched: it has no whole manifest"
        if isinstance(rows, list):
            state = counted(len(rows), "row") if rows else "not in it"
        lines.append(f"Run {run['run_id']}: {state}")
        for entry in run["promotions"]:  # type: ignore[attr-defined]
            by = f" by {entry['promoted_by']}" if entry["promoted_by"] else ""
            lines.append(f"  promoted {entry['promoted_at']}{by}")
        lines += [f"  {_described(row)}" for row in rows or ()]  # type: ignore[attr-defined]
    return [shown, *lines]


def _described(row: Traced) -> str:
    place = (
        f"{row['portal']} {row['audience']}: job {row['job_uuid']}, activity "
        f"{row['activity_uuid']}, subject {row['subject_uuid']}"
    )
    columns = row["columns"]
    names = ", ".join(columns) if isinstance(columns, list) else ""
    if not row["basis"]:
        return f"{place}: {names}; the run has no evidence of it"
    route = f", route {row['route']}" if row["route"] else ""
    return (
        f"{place}: {names}{route}; {row['basis']} consent of {row['consented_at']}, "
        f"dated by {row['dated_by']}"
    )

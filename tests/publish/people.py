"""Runs of a few people, with evidence and suppressions. All of them are fictional."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from publish.root import Root
from publish.run import export_begin, export_finish
from publish.suppressions.entries import suppressions_csv
from tests.publish.publishing import write_file

PORTAL, JOB, ACTIVITY = "north", "j1", "a1"
AS_OF = "2025-01-10T00:00:00Z"
COLUMNS = (
    *("portal", "job_uuid", "subject_uuid", "first_name", "phone_number"),
    *("phone_number_2", "email", "email_2", "buyer", "sms_marketing_timestamp"),
    *("activity_uuid", "registered_user_email"),
)
EVIDENCE = (
    *("portal", "job_uuid", "activity_uuid", "subject_uuid", "audience", "basis"),
    *("dated_by", "consented_at", "phone_route", "email_route"),
)
EXCLUSIONS = ("portal", "job_uuid", "activity_uuid", "subject_uuid", "buyer", "reason")

type Held = Mapping[str, str]


@dataclass(frozen=True)
class Person:
    """An exported row; `grant` is the time of an explicit grant of its own."""

    subject: str
    phone: str = "+12065550150"
    phone_2: str = ""
    email: str = ""
    email_2: str = ""
    user_email: str = ""
    grant: str = ""
    dated_by: str = "field"
    basis: str = "explicit"
    name: str = "Kim"

    def row(self, audience: str) -> dict[str, str]:
        """Return the exported columns."""
        values = (PORTAL, JOB, self.subject, self.name, self.phone, self.phone_2)
        more = (self.email, self.email_2, "Yes" if audience == "buyers" else "No")
        end = (self.grant or "2025-01-01T00:00:00Z", ACTIVITY, self.user_email)
        return dict(zip(COLUMNS, (*values, *more, *end), strict=True))

    def evidence(self) -> dict[str, str]:
        """Return its line of evidence.csv."""
        basis = (self.basis, self.dated_by) if self.grant else ("webshop", "starting")
        values = (PORTAL, JOB, ACTIVITY, self.subject, "buyers", *basis)
        end = (self.grant or "2025-01-01T00:00:00Z", "delivery_1", "subject")
        return dict(zip(EVIDENCE, (*values, *end), strict=True))


def build_people(
    run_id: str,
    people: Sequence[Person],
    *,
    held: Held | None = None,
    decided: Mapping[tuple[str, str], str] | None = None,
    formats: Sequence[str] = ("csv",),
    is_old: bool = False,
    **more: Any,
) -> None:
    """Build and promote a run of buyers; `is_old`: without evidence.csv."""
    held = held or {}
    people = sorted(people, key=lambda person: person.subject)
    rows = [person.row("buyers") for person in people]
    excluded = [
        dict(
            zip(
                EXCLUSIONS,
                (PORTAL, JOB, ACTIVITY, subject, "Yes", held[subject]),
                strict=True,
            )
        )
        for subject in sorted(held)
    ]
    reasons = {reason: list(held.values()).count(reason) for reason in held.values()}
    texts = {"exclusions.csv": (table(EXCLUSIONS, excluded), len(held))}
    if not is_old:
        evidence = [person.evidence() for person in people]
        texts["evidence.csv"] = table(EVIDENCE, evidence), len(people)
        texts["suppressions.csv"] = suppressions_csv(decided or {}), len(decided or {})
    for name in formats:
        metadata = {"contacts": len(rows), "excluded": reasons, "portal": PORTAL}
        whole = {"contacts": rows, "metadata": metadata}
        as_json = json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
        text = as_json if name == "json" else table(COLUMNS, rows)
        texts[f"{PORTAL}/buyers.{name}"] = text, len(rows)
    export_begin()
    for path, (text, number) in texts.items():
        write_file(run_id, path, text, number)
    counts = {
        "portal": PORTAL,
        "audience": "buyers",
        "candidates": len(rows) + len(held),
        "exported": len(rows),
        "excluded": reasons,
    }
    facts = {
        "run_id": run_id,
        "load_id": "20241231T000000000000Z-00000000",
        "as_of": AS_OF,
        "code_version": "0.1.0",
        "variables": {},
        "files": [{"path": path, "rows": n} for path, (_, n) in texts.items()],
        "counts": [counts],
        "promote": True,
    }
    export_finish(json.dumps(facts | more))


def table(columns: Sequence[str], rows: Iterable[dict[str, str]]) -> str:
    """Return CSV text that quotes a cell that begins with `#`, as DuckDB does."""
    text = io.StringIO()
    text.write(",".join(columns) + "\n")
    for row in rows:
        cells = [
            f'"{v}"' if any(c in v for c in '#,\n"') else v
            for v in (row[name].replace('"', '""') for name in columns)
        ]
        text.write(",".join(cells) + "\n")
    return text.getvalue()


def promoted(root: Root) -> dict[str, Any]:
    """Return current.json."""
    content = root.current().content
    assert content is not None
    current: dict[str, Any] = json.loads(content)
    return current


def read_text(root: Root, key: str) -> str:
    """Return the text of a file."""
    content = root.read(key)
    assert content is not None, key
    return content.decode()


def rows_of(root: Root, key: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    return list(csv.DictReader(io.StringIO(read_text(root, key))))


def subjects(root: Root) -> list[str]:
    """Return who is in latest/, which must be as the promoted run."""
    run_id = promoted(root)["run_id"]
    shown = read_text(root, f"latest/{PORTAL}/buyers.csv")
    assert shown == read_text(root, f"runs/{run_id}/{PORTAL}/buyers.csv")
    return [row["subject_uuid"] for row in rows_of(root, f"latest/{PORTAL}/buyers.csv")]

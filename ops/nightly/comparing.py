"""What a night compares: its two builds with each other and with the promoted run."""

import csv
import json
from pathlib import Path

from audience.builds import Build, read_build
from audience.databases import open_databases
from audience.diff import SIDES
from common.errors import CommandError, ContractError, DatabaseError
from ops.nightly.steps import Steps
from ops.nightly.summary import Night
from publish.layout import RUN_SUPPRESSIONS, run_key
from publish.manifest import Manifest
from publish.promotion import check, load_promoted
from publish.root import Root


def read_database(path: Path) -> Build:
    """Return the build that a database records; DatabaseError if there is none."""
    with open_databases({"build": path}) as connection:
        return read_build(connection, "build")


def compare_builds(
    steps: Steps,
    night: Night,
    databases: tuple[Path, Path],
    manifests: tuple[Manifest, Manifest],
) -> None:
    """Compare two builds of one load by one code: any difference is due to chance.

    ContractError names the files with different bytes and counts the rows with
    different fates or values.
    """
    rows = _audience_diff(steps, night, *databases)
    one, other = (manifest.files for manifest in manifests)
    files = sorted({file.path for file in set(one) ^ set(other)})
    if files or rows:
        raise ContractError(
            f"the same load, built twice, differs: {rows} rows, and files: "
            f"{', '.join(files) or 'none'}"
        )
    night.audience_diff = ""
    night.notes.append(f"The load was built twice: {len(one)} files, the same bytes.")


def compare_with_promoted(
    steps: Steps, night: Night, root: Root, databases: tuple[Path, Path]
) -> Manifest | None:
    """Compare the night's run with the promoted one; return the latter, if any.

    `databases` are the promoted run's and the night's. Fates are compared if both
    databases hold the same load. CommandFailedError if the night texts people whom the
    promoted run held back.
    """
    promoted = load_promoted(root)
    if promoted is None:
        night.notes.append("Nothing is promoted yet: every exported row is new.")
        return None
    printed = databases[1].with_name("diff.json")
    diff = ("sms", "publish", "diff", "promoted", str(night.run_id), "--json")
    steps.run(*diff, output=printed)
    night.difference = json.loads(printed.read_bytes())
    night.new_suppressions = _new_suppressions(root, promoted, str(night.run_id))
    if _is_of(databases[0], promoted.about.run_id, night.load["load_id"]):
        _audience_diff(steps, night, *databases)
    else:
        night.notes.append(
            "Fates are not compared: the promoted run's database is missing or holds "
            "another load."
        )
    return promoted


def _new_suppressions(root: Root, promoted: Manifest, run_id: str) -> int | None:
    """Return how many addresses a run suppresses and the promoted run did not."""
    before, after = (
        root.read(run_key(name, RUN_SUPPRESSIONS))
        for name in (promoted.about.run_id, run_id)
    )
    if before is None or after is None:
        return None
    old, new = (
        {tuple(row[:2]) for row in csv.reader(text.decode().splitlines())}
        for text in (before, after)
    )
    return len(new - old)


def _is_of(database: Path, run_id: str, load_id: str) -> bool:
    try:
        build = read_database(database)
    except DatabaseError:
        return False
    return (build.run_id, build.load_id) == (run_id, load_id)


def _audience_diff(steps: Steps, night: Night, base: Path, head: Path) -> int:
    """Compare two databases for the summary; return how many rows differ."""
    found, text = (head.with_name(f"audience-diff.{kind}") for kind in ("json", "md"))
    try:
        steps.run(
            *("sms", "audience", "diff", str(base), str(head)),
            *("--json", str(found), "--md", str(text)),
        )
    finally:
        if text.exists():
            night.audience_diff = text.read_text(encoding="utf-8")
    audiences = json.loads(found.read_bytes())["audiences"]
    return sum(
        number
        for audience in audiences
        for what, number in audience["rows"].items()
        if what not in SIDES
    )


def what_stands_against(root: Root, manifest: Manifest) -> str:
    """Return why a plan's run is not promoted: a guard, or being a plan."""
    try:
        check(root, manifest)
    except CommandError as error:
        return str(error)
    return "it is a plan"

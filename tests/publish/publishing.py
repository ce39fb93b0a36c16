"""Making small runs for the tests of publish. People in them are fictional."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from publish.run import (
    export_begin,
    export_finish,
    export_staging_path,
    export_write,
)
from tests.commands import sms

PORTALS = ("sandbox1", "sandbox2")
RUN_A = "20250101T000000000000Z-aaaaaaaa"
RUN_B = "20250102T000000000000Z-bbbbbbbb"
RUN_C = "20250103T000000000000Z-cccccccc"
HEADER = "portal,subject_uuid,phone_number\n"
SMS = Path(sys.executable).with_name("sms")


def csv_text(run_id: str, portal: str, rows: int) -> str:
    """Rows that say which run they belong to."""
    row = f'{portal},"{run_id}\n{{}}",+12025550123\n'
    return HEADER + "".join(row.format(number) for number in range(rows))


def json_text(contacts: int) -> str:
    """An audience's JSON as COPY writes it: in one line, `contacts` first."""
    rows = ",".join('{"phone_number":"+12025550123"}' for _ in range(contacts))
    return f'{{"contacts":[{rows}],"metadata":{{"contacts":{contacts}}}}}'


def write_file(run_id: str, path: str, text: str, rows: int) -> str:
    """Stage and write one file of a run, as a post-hook does."""
    Path(export_staging_path(run_id, path)).write_text(text)
    return export_write(run_id, path, rows)


def facts(run_id: str, rows: int = 3, **more: Any) -> dict[str, Any]:
    """Return run_json of a run whose audiences have `rows` rows each, as a dict."""
    pairs = [(p, a) for p in PORTALS for a in ("buyers", "non_buyers")]
    audience_files = [
        {"path": f"{p}/{a}.csv", "portal": p, "audience": a, "format": "csv"}
        for p, a in pairs
    ]
    files = [{**file, "rows": rows} for file in audience_files]
    excluded = {"contact_missing": 2, "duplicate": 1}
    return {
        "run_id": run_id,
        "load_id": "20241231T000000000000Z-00000000",
        "as_of": "2024-12-31T00:00:00.000000Z",
        "code_version": "0.1.0",
        "variables": {"audience": "both"},
        "files": [*files, {"path": "exclusions.csv", "format": "csv", "rows": 12}],
        "counts": [
            {
                "portal": portal,
                "audience": audience,
                "candidates": rows + 3,
                "exported": rows,
                "excluded": excluded,
            }
            for portal, audience in pairs
        ],
        "promote": True,
        **more,
    }


def write_files(run_id: str, rows: int = 3) -> None:
    """Write all files that `facts` lists."""
    for portal in PORTALS:
        for audience in ("buyers", "non_buyers"):
            text = csv_text(run_id, portal, rows)
            write_file(run_id, f"{portal}/{audience}.csv", text, rows)
    write_file(run_id, "exclusions.csv", csv_text(run_id, "-", 12), 12)


def build(run_id: str, rows: int = 3, **more: Any) -> dict[str, Any]:
    """Do all that a build does with the export root; return the summary."""
    export_begin()
    write_files(run_id, rows)
    summary: dict[str, Any] = json.loads(
        export_finish(json.dumps(facts(run_id, rows, **more)))
    )
    return summary


def published(root: Path) -> str | None:
    """Read what a consumer reads, and fail unless it is whole; return the run."""
    latest = read_latest(root)
    if latest is not None:
        assert sorted(latest) == audience_paths()
        runs = {
            run for run in (RUN_A, RUN_B, RUN_C) if run in latest[audience_paths()[0]]
        }
        assert len(runs) == 1
        for path, text in latest.items():
            assert text == csv_text(min(runs), path.split("/")[0], 3), path
    if not (root / "current.json").exists():
        assert latest is None
        return None
    current = json.loads((root / "current.json").read_text())
    assert_manifest_holds(root, current)
    run_id: str = current["run_id"]
    return run_id


def assert_manifest_holds(root: Path, current: dict[str, str]) -> None:
    """Check each file of the run that current.json names, as a consumer would."""
    content = (root / current["manifest"]).read_bytes()
    assert sha256(content).hexdigest() == current["manifest_sha256"]
    manifest = json.loads(content)
    for file in manifest["files"]:
        content = (root / "runs" / current["run_id"] / file["path"]).read_bytes()
        assert sha256(content).hexdigest() == file["sha256"]


def audience_paths() -> list[str]:
    """Return the paths under latest/ of a run that `build` made."""
    return [f"{p}/{a}.csv" for p in PORTALS for a in ("buyers", "non_buyers")]


def read_latest(root: Path) -> dict[str, str] | None:
    """Return path and text of all under latest/, following the link just once."""
    try:
        folder = os.open(root / "latest", os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    try:
        return dict(_read_folder(folder, ""))
    finally:
        os.close(folder)


def _read_folder(folder: int, prefix: str) -> Iterator[tuple[str, str]]:
    for name in sorted(os.listdir(folder)):
        inner = os.open(name, os.O_RDONLY, dir_fd=folder)
        if stat.S_ISDIR(os.fstat(inner).st_mode):
            yield from _read_folder(inner, f"{prefix}{name}/")
            os.close(inner)
        else:
            with os.fdopen(inner) as file:
                yield prefix + name, file.read()


def tree(root: Path) -> dict[str, bytes | str]:
    """Return everything under a folder, to compare before with after."""
    return {
        str(path.relative_to(root)): str(path.readlink())
        if path.is_symlink()
        else path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def publish(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `sms publish` in this process."""
    return sms("publish", *arguments)

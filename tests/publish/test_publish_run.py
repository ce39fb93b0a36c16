"""Writing and finishing a run: only what is whole gets a manifest."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from common.errors import CommandError, ContractError, LostRaceError, StorageError
from publish.run import (
    export_begin,
    export_finish,
    export_staging_path,
    export_write,
)
from tests.publish.publishing import (
    RUN_A,
    RUN_B,
    build,
    csv_text,
    facts,
    json_text,
    tree,
    write_file,
    write_files,
)

BUYERS = "sandbox1/buyers.csv"

type Change = Callable[[dict[str, Any]], object]


def test_the_summary_says_what_was_done(root: Path) -> None:
    run = root / "runs" / RUN_A
    assert build(RUN_A) == {
        "run_id": RUN_A,
        "promoted": True,
        "files": 5,
        "manifest": str(run / "manifest.json"),
        "folder": str(run),
        "latest": str(root / "latest"),
    }


def test_the_manifest_describes_every_file(root: Path) -> None:
    build(RUN_A)
    content = (root / "runs" / RUN_A / "manifest.json").read_text()
    manifest = json.loads(content)
    assert content == json.dumps(manifest, sort_keys=True, indent=2) + "\n"
    given = facts(RUN_A)
    for name in ("run_id", "load_id", "as_of", "code_version", "variables", "counts"):
        assert manifest.pop(name) == given[name]
    files = {file["path"]: file for file in manifest.pop("files")}
    assert not manifest
    assert len(files) == 5
    text = csv_text(RUN_A, "sandbox1", 3).encode()
    assert files[BUYERS] == {
        "path": BUYERS,
        "portal": "sandbox1",
        "audience": "buyers",
        "format": "csv",
        "rows": 3,
        "bytes": len(text),
        "sha256": sha256(text).hexdigest(),
    }
    about_exclusions = files["exclusions.csv"]
    assert (about_exclusions["portal"], about_exclusions["audience"]) == (None, None)


def test_latest_holds_the_audiences_alone(root: Path) -> None:
    build(RUN_A)
    names = {path.name for path in (root / "latest").rglob("*") if path.is_file()}
    assert names == {"buyers.csv", "non_buyers.csv"}


def test_a_dry_run_moves_nothing(root: Path) -> None:
    build(RUN_A)
    current = (root / "current.json").read_bytes()
    summary = build(RUN_B, promote=False)
    assert (summary["promoted"], summary["latest"]) == (False, None)
    assert (root / "runs" / RUN_B / "manifest.json").exists()
    assert (root / "current.json").read_bytes() == current
    assert (root / "latest").readlink().name == RUN_A


def test_json_beside_csv(root: Path) -> None:
    given = facts(RUN_A, rows=3)
    added = [dict(file) for file in given["files"] if file["path"] != "exclusions.csv"]
    for file in added:
        file.update(path=file["path"].replace(".csv", ".json"), format="json")
    export_begin()
    write_files(RUN_A)
    for file in added:
        write_file(RUN_A, file["path"], json_text(3), 3)
    given["files"] += added
    assert json.loads(export_finish(json.dumps(given)))["files"] == 9
    assert (root / "latest" / "sandbox2" / "buyers.json").read_text() == json_text(3)


def test_an_audience_without_candidates_has_a_file_of_no_rows(root: Path) -> None:
    given = facts(RUN_A, rows=0)
    given["counts"] = given["counts"][:1]
    export_begin()
    write_files(RUN_A, rows=0)
    export_finish(json.dumps(given))
    assert (root / "latest" / "sandbox2" / "buyers.csv").exists()


def test_a_run_of_no_portal_is_a_run(root: Path) -> None:
    build(RUN_A)
    export_begin()
    write_file(RUN_B, "exclusions.csv", csv_text(RUN_B, "-", 0), 0)
    exclusions = {"path": "exclusions.csv", "rows": 0}
    export_finish(json.dumps(facts(RUN_B, files=[exclusions], counts=[])))
    assert list((root / "latest").iterdir()) == []


def test_writing_returns_the_sha256_and_leaves_no_staging(root: Path) -> None:
    text = csv_text(RUN_A, "sandbox1", 2)
    assert write_file(RUN_A, BUYERS, text, 2) == sha256(text.encode()).hexdigest()
    assert tree(root) == {f"runs/{RUN_A}/{BUYERS}": text.encode()}
    assert list((root / ".staging").iterdir()) == []


def test_a_file_is_written_once(root: Path) -> None:
    write_file(RUN_A, BUYERS, "a\n1\n", 1)
    with pytest.raises(StorageError, match="written once"):
        write_file(RUN_A, BUYERS, "a\n2\n", 1)
    assert (root / "runs" / RUN_A / BUYERS).read_text() == "a\n1\n"


def test_a_finished_run_takes_no_more_files(root: Path) -> None:
    build(RUN_A)
    with pytest.raises(ContractError, match="is finished"):
        write_file(RUN_A, "sandbox3/buyers.csv", "a\n", 0)
    with pytest.raises(CommandError):
        export_finish(json.dumps(facts(RUN_A)))
    assert not (root / "runs" / RUN_A / "sandbox3").exists()


def test_a_file_that_was_not_staged_is_an_error(root: Path) -> None:
    export_staging_path(RUN_A, BUYERS)
    with pytest.raises(StorageError, match=r"buyers\.csv: No such file"):
        export_write(RUN_A, BUYERS, 0)
    assert not (root / "runs").exists()


def test_threads_write_at_the_same_time(root: Path) -> None:
    paths = [f"portal{n}/{a}.csv" for n in range(40) for a in ("buyers", "non_buyers")]
    failed = []

    def write(mine: list[str]) -> None:
        for path in mine:
            try:
                write_file(RUN_A, path, "a\n", 0)
            except (OSError, CommandError) as error:
                failed.append(error)

    threads = [threading.Thread(target=write, args=(paths[n::4],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert set(tree(root / "runs" / RUN_A)) == set(paths)
    assert list((root / ".staging").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda run: (run / BUYERS).unlink(), "buyers.csv: missing"),
        (lambda run: (run / "more.csv").write_text("a\n"), "more.csv: extra"),
        (lambda run: (run / ".hidden").write_text("a\n"), ".hidden: extra"),
        (lambda run: (run / BUYERS).write_text("torn"), "buyers.csv: damaged"),
        (
            lambda run: (run / BUYERS).write_text(
                (run / BUYERS).read_text().replace("0123", "0124")
            ),
            "buyers.csv: damaged",
        ),
    ],
)
def test_files_changed_before_the_end_have_no_manifest(
    root: Path, change: Callable[[Path], object], message: str
) -> None:
    build(RUN_B)
    before = tree(root / "latest"), (root / "current.json").read_bytes()
    write_files(RUN_A)
    change(root / "runs" / RUN_A)
    with pytest.raises(ContractError, match=f"run {RUN_A}: .*{message}"):
        export_finish(json.dumps(facts(RUN_A)))
    assert not (root / "runs" / RUN_A / "manifest.json").exists()
    assert (tree(root / "latest"), (root / "current.json").read_bytes()) == before


@pytest.mark.parametrize(
    ("text", "rows", "message"),
    [
        (csv_text(RUN_A, "sandbox1", 2), 3, "2 rows instead of 3"),
        (csv_text(RUN_A, "sandbox1", 4), 3, "4 rows instead of 3"),
        (csv_text(RUN_A, "sandbox1", 3), 4, "written with 4 rows instead of 3"),
        (csv_text(RUN_A, "sandbox1", 3) + "x\n", 3, "record 4 is not as long"),
        ("", 3, "has no header"),
    ],
)
def test_rows_are_counted_in_the_file(
    root: Path, text: str, rows: int, message: str
) -> None:
    given = facts(RUN_A)
    only = [file for file in given["files"] if file["path"] == BUYERS]
    export_begin()
    write_file(RUN_A, BUYERS, text, rows)
    with pytest.raises(ContractError, match=message):
        export_finish(json.dumps({**given, "files": only}))
    assert not (root / "runs" / RUN_A / "manifest.json").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda f: f["files"].append({"path": "p/buyers.csv", "rows": 0}),
            "not written",
        ),
        (lambda f: f["files"].pop(), "exclusions.csv: extra"),
        (lambda f: f["files"].append(f["files"][0]), "twice"),
        (
            lambda f: f["files"][0].update(path="../x"),
            r"files\[0\]: path: '../x' is no",
        ),
        (lambda f: f["files"][0].update(rows="3"), r"files\[0\]: rows must be a whole"),
        (
            lambda f: f["files"][0].update(rows=True),
            r"files\[0\]: rows must be a whole",
        ),
        (lambda f: f["files"][0].update(portal="other"), "portal must be sandbox1"),
        (lambda f: f["files"][0].update(format="json"), "format must be csv"),
        (lambda f: f["files"][0].update(rows=2), "2 rows, counted 3"),
        (
            lambda f: f["counts"][0].update(exported=2),
            "6 candidates are not 2 exported",
        ),
        (lambda f: f["counts"][0]["excluded"].update(duplicate=0), "and 2 excluded"),
        (
            lambda f: f["counts"][0]["excluded"].update(duplicate=-1),
            "duplicate must be",
        ),
        (lambda f: f["counts"].pop(), "sandbox2/non_buyers.csv: 3 rows, counted 0"),
        (lambda f: f["counts"][0].update(audience="all"), "audience must be buyers or"),
        (lambda f: f.update(run_id="../x"), "is not a run id"),
        (lambda f: f.update(load_id=""), "load_id must be text"),
        (lambda f: f.update(variables=[]), "variables must be an object"),
        (lambda f: f.update(promote="true"), "promote must be true or false"),
        (lambda f: f.update(code_version=None), "code_version must be text"),
        (lambda f: f.pop("files"), "files must be a list"),
        (lambda f: f.pop("as_of"), "as_of must be text"),
    ],
)
def test_facts_that_cannot_be_are_refused(
    root: Path, change: Change, message: str
) -> None:
    given = facts(RUN_A)
    export_begin()
    write_files(RUN_A)
    change(given)
    with pytest.raises(ContractError, match=message) as error:
        export_finish(json.dumps(given))
    assert len(str(error.value).splitlines()) == 1
    assert not (root / "runs" / RUN_A / "manifest.json").exists()
    assert not (root / "current.json").exists()


@pytest.mark.parametrize("run_json", ["", "[]", "null", "{", "[" * 100_000, '"x"'])
def test_facts_that_are_no_json_object_are_refused(root: Path, run_json: str) -> None:
    with pytest.raises(ContractError, match="run_json: is no"):
        export_finish(run_json)
    assert not root.exists()


def test_a_run_promotes_only_over_what_it_began_with(root: Path) -> None:
    given = facts(RUN_A)
    export_begin()
    write_files(RUN_A)
    _in_another_process(f"build({RUN_B!r})")
    with pytest.raises(LostRaceError, match=f"run {RUN_A}: another run was promoted"):
        export_finish(json.dumps(given))
    assert (root / "latest").readlink().name == RUN_B


def test_a_promotion_needs_a_start(root: Path) -> None:
    write_files(RUN_A)
    with pytest.raises(ContractError, match="export_begin was not called"):
        export_finish(json.dumps(facts(RUN_A)))
    assert not (root / "runs" / RUN_A / "manifest.json").exists()


def test_beginning_clears_what_killed_runs_left_and_nothing_else(root: Path) -> None:
    mine = Path(export_staging_path(RUN_A, BUYERS))
    mine.write_text("mine")
    _in_another_process(
        f"Path(export_staging_path({RUN_B!r}, {BUYERS!r})).write_text('left');"
        "os.kill(os.getpid(), 9)",
        status=-9,
    )
    assert {path.name for path in (root / ".staging").iterdir()} == {RUN_A, RUN_B}
    _in_another_process("export_begin()")
    assert {path.name for path in (root / ".staging").iterdir()} == {RUN_A}
    assert mine.read_text() == "mine"
    assert export_write(RUN_A, BUYERS, 0)


def test_a_file_in_the_place_of_the_root_is_a_storage_error(root: Path) -> None:
    root.write_text("a file")
    for attempt in (export_begin, lambda: export_staging_path(RUN_A, BUYERS)):
        with pytest.raises(StorageError, match=r"exports: is a file where a folder"):
            attempt()


def test_a_file_in_the_place_of_a_folder_is_a_storage_error(root: Path) -> None:
    export_begin()
    (root / "runs").write_text("a file")
    with pytest.raises(StorageError, match="runs"):
        write_file(RUN_A, BUYERS, "a\n", 0)
    (root / "runs").unlink()
    (root / ".staging" / RUN_A / "sandbox1" / "buyers.csv").unlink()
    write_file(RUN_A, BUYERS, "a\n", 0)


def test_a_full_disk_at_the_manifest_leaves_the_old_publication(root: Path) -> None:
    build(RUN_B)
    before = tree(root / "latest"), (root / "current.json").read_bytes()
    code = (
        "import resource; export_begin(); write_files(RUN_A);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600));"
        "export_finish(json.dumps(facts(RUN_A)))"
    )
    errors = _in_another_process(code, status=1)
    assert errors.splitlines()[-1].endswith("manifest.json: File too large")
    assert not (root / "runs" / RUN_A / "manifest.json").exists()
    assert (tree(root / "latest"), (root / "current.json").read_bytes()) == before
    export_begin()
    assert list((root / ".staging").iterdir()) == []


def _in_another_process(code: str, status: int = 0) -> str:
    imports = "import json, os; from pathlib import Path;"
    prelude = f"{imports} from tests.publish.publishing import *;"
    done = subprocess.run(
        [sys.executable, "-c", prelude + code],
        cwd=Path(__file__).parents[2],
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == status, done.stderr
    return done.stderr

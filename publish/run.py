"""Writing a run: stage, write, finish. The dbt plugin offers these as SQL functions.

A run's files are written by one process: it remembers what each file was when it was
written, so that the audit compares what is read back with what was meant.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

from publish.audit import audit_counts, audit_run, raise_problems
from publish.errors import ContractError
from publish.layout import LATEST, MANIFEST, manifest_key, parse_path, run_key
from publish.manifest import (
    ExpectedFile,
    Manifest,
    Plan,
    RunFile,
    canonical,
    digest,
    read_plan,
    write_manifest,
)
from publish.promotion import current_digest, promote, repair_latest
from publish.root import add, export_root, fingerprint, make_folder, read, write_private
from publish.staging import claim, drop, drop_abandoned, settle, staging_folder


@dataclass(frozen=True)
class _Written:
    rows: int
    bytes: int
    sha256: str


_written: dict[tuple[Path, str], dict[str, _Written]] = {}
_began_with: dict[Path, str] = {}


def export_begin() -> str:
    """Prepare the export root for a build; return what is promoted at its start.

    The answer is the sha256 of current.json, or nothing: `export_finish` promotes only
    if it is the same then. Removes the staging files of killed runs, and finishes a
    promotion that was stopped before latest/ had followed.
    """
    root = export_root()
    make_folder(root)
    drop_abandoned(root)
    repair_latest(root)
    _began_with[root] = current_digest(root)
    return _began_with[root]


def export_staging_path(run_id: str, path: str) -> str:
    """Return the absolute path to write a file of the run to; its folder exists.

    `path` is `PORTAL/AUDIENCE.csv|json` or `exclusions.csv`.
    """
    return str(claim(export_root(), run_id, parse_path(path).path))


def export_write(run_id: str, path: str, rows: int) -> str:
    """Move the staged file of `rows` rows into the run; return its sha256.

    StorageError where the run has the file already, or it was never staged.
    """
    root = export_root()
    name = parse_path(path)
    staged = staging_folder(root, run_id) / name.path
    sha256, size = fingerprint(staged)
    if read(root, manifest_key(run_id)) is not None:
        raise ContractError(f"run {run_id}: is finished and takes no more files")
    add(root, run_key(run_id, path), staged)
    _written.setdefault((root, run_id), {})[path] = _Written(rows, size, sha256)
    settle(root, run_id, path)
    return sha256


def export_finish(run_json: str) -> str:
    """Audit a run, write its manifest, and promote it if it asks for that.

    `run_json` is described in publish.manifest; `files` are all the files that the
    run must have. Returns JSON: {"run_id", "promoted", "files", "manifest", "folder",
    "latest"}: the number of files, the manifest's path, the run's folder, and latest/
    or null where the run was not promoted. Nothing has moved unless it returns, save
    where the disk fails between current.json and latest/.
    """
    root = export_root()
    plan = read_plan(run_json)
    run_id = plan.about.run_id
    began_with = _start(root, plan) if plan.promote else None
    manifest = _audited(root, plan)
    _write_manifest(root, manifest)
    if began_with is not None:
        promote(root, run_id, began_with)
    summary = {
        "run_id": run_id,
        "promoted": plan.promote,
        "files": len(manifest.files),
        "manifest": str(root / manifest_key(run_id)),
        "folder": str(root / run_key(run_id)),
        "latest": str(root / LATEST) if plan.promote else None,
    }
    return canonical(summary).decode()


def _start(root: Path, plan: Plan) -> str:
    """Return what was promoted when this run began."""
    began_with = plan.began_with
    if began_with is None:
        began_with = _began_with.get(root)
    if began_with is None:
        raise ContractError(f"run {plan.about.run_id}: export_begin was not called")
    return began_with


def _audited(root: Path, plan: Plan) -> Manifest:
    """Return the manifest of a run whose files have been read back."""
    run_id = plan.about.run_id
    written = _written.get((root, run_id), {})
    raise_problems(run_id, audit_counts(plan.files, plan.counts))
    files = tuple(_run_file(run_id, file, written) for file in plan.files)
    raise_problems(run_id, audit_run(root, run_id, files))
    return Manifest(plan.about, files, plan.counts)


def _run_file(run_id: str, file: ExpectedFile, written: dict[str, _Written]) -> RunFile:
    as_written = written.get(file.path)
    if as_written is None:
        raise ContractError(f"run {run_id}: {file.path}: was not written")
    if as_written.rows != file.rows:
        raise ContractError(
            f"run {run_id}: {file.path}: written with {as_written.rows} rows instead "
            f"of {file.rows}"
        )
    return RunFile(**{**asdict(file), **asdict(as_written)})


def _write_manifest(root: Path, manifest: Manifest) -> None:
    run_id = manifest.about.run_id
    content = write_manifest(manifest)
    staged = claim(root, run_id, MANIFEST)
    write_private(staged, content)
    add(root, manifest_key(run_id), staged)
    drop(root, run_id)
    if digest(read(root, manifest_key(run_id))) != digest(content):
        raise ContractError(f"run {run_id}: {MANIFEST}: cannot be read back")
    _written.pop((root, run_id), None)

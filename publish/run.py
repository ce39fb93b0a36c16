"""Writing a run: stage, write, finish. The dbt plugin offers these as SQL functions.

A run's files are written by one process: it remembers what each file was when it was
written, so that the audit compares what is read back with what was meant.
"""

from dataclasses import asdict, dataclass

from common.errors import ContractError
from common.files import fingerprint
from publish.audit import audit_counts, audit_run, raise_problems
from publish.layout import LATEST, manifest_key, parse_path, run_key
from publish.manifest import (
    ExpectedFile,
    Manifest,
    Plan,
    RunFile,
    canonical,
    read_plan,
)
from publish.promotion import repair_latest, write_manifest_file
from publish.refreshing import promote
from publish.root import Root
from publish.settings import export_root
from publish.staging import claim, drop_abandoned, settle, staging_folder
from publish.suppressions.current_list import record_current_list


@dataclass(frozen=True)
class _Written:
    rows: int
    bytes: int
    sha256: str


_written: dict[tuple[Root, str], dict[str, _Written]] = {}
_began_with: dict[Root, str] = {}


def export_begin() -> None:
    """Prepare the export root for a build.

    `export_finish` promotes only over what is promoted now. Remove what killed runs
    left half written, and finish a promotion that was stopped before latest/ had
    followed.
    """
    root = export_root()
    root.prepare()
    drop_abandoned(root.staging, root.abandon)
    repair_latest(root)
    _began_with[root] = root.current().version


def export_staging_path(run_id: str, path: str) -> str:
    """Return the absolute path to write a file of the run to; its folder exists.

    `path` is `PORTAL/AUDIENCE.csv|json` or one of layout.RUN_TABLES.
    """
    return str(claim(export_root().staging, run_id, parse_path(path).path))


def export_write(run_id: str, path: str, rows: int) -> str:
    """Move the staged file of `rows` rows into the run; return its sha256.

    StorageError where the run has the file already, or it was never staged.
    """
    root = export_root()
    name = parse_path(path)
    staged = staging_folder(root.staging, run_id) / name.path
    sha256, size = fingerprint(staged)
    if root.read(manifest_key(run_id)) is not None:
        raise ContractError(f"run {run_id}: is finished and takes no more files")
    root.add(run_key(run_id, path), staged, run_id, sha256)
    _written.setdefault((root, run_id), {})[path] = _Written(rows, size, sha256)
    settle(root.staging, run_id, path)
    return sha256


def export_finish(run_json: str) -> str:
    """Audit a run, write its manifest, and promote it if it asks for that.

    `run_json` is described in publish.manifest; `files` are all the files that the
    run must have. Returns JSON: {"run_id", "promoted", "files", "manifest", "folder",
    "latest"}: the number of files, and addresses, of which `latest` is null where the
    run was not promoted. Nothing has moved unless it returns, save where the storage
    fails between current.json and latest/. ContractError where something is not as it
    must be, or a guard stops the promotion: then the manifest stands.
    """
    root = export_root()
    plan = read_plan(run_json)
    run_id = plan.about.run_id
    if plan.promote and root not in _began_with:
        raise ContractError(f"run {run_id}: export_begin was not called")
    manifest = _audited(root, plan)
    write_manifest_file(root, manifest)
    _written.pop((root, run_id), None)
    if plan.promote:
        # The list can have grown during the build.
        record_current_list(
            root, manifest.allow_unreadable, recorded=manifest.list_digest
        )
        promote(root, run_id, _began_with[root])
    summary = {
        "run_id": run_id,
        "promoted": plan.promote,
        "files": len(manifest.files),
        "manifest": root.address(manifest_key(run_id)),
        "folder": root.address(run_key(run_id)),
        "latest": root.address(LATEST) if plan.promote else None,
    }
    return canonical(summary).decode()


def _audited(root: Root, plan: Plan) -> Manifest:
    """Return the manifest of a run whose files have been read back."""
    run_id = plan.about.run_id
    written = _written.get((root, run_id), {})
    raise_problems(run_id, audit_counts(plan.files, plan.counts))
    files = tuple(_run_file(run_id, file, written) for file in plan.files)
    raise_problems(run_id, audit_run(root, run_id, files))
    return Manifest(plan.about, files, plan.counts, plan.suppressions)


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

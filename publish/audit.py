"""Comparing the files of a run with its manifest."""

from collections.abc import Iterable, Set

from common.errors import ContractError
from common.files import Digested
from publish.layout import MANIFEST, UNLISTED, run_key
from publish.manifest import Counts, ExpectedFile, RunFile
from publish.root import Root
from publish.rows import count_rows


def audit_run(root: Root, run_id: str, files: Iterable[RunFile]) -> list[str]:
    """Return what is wrong with the files of a run, one line each.

    The size, sha256 and number of rows of every file are compared.
    """
    return audit_folder(root, run_key(run_id), files, ignore={MANIFEST, *UNLISTED})


def audit_folder(
    root: Root, key: str, files: Iterable[RunFile], ignore: Set[str] = frozenset()
) -> list[str]:
    """Return what is wrong in a folder that must hold exactly `files`."""
    expected = {file.path: file for file in files}
    present = root.list_files(key).keys() - ignore
    problems = [f"{path}: extra" for path in present - expected.keys()]
    problems += [f"{path}: missing" for path in expected.keys() - present]
    for path in expected.keys() & present:
        problems += _audit_file(root, f"{key}/{path}", expected[path])
    return sorted(problems)


def audit_counts(files: Iterable[ExpectedFile], counts: Iterable[Counts]) -> list[str]:
    """Return where files and counts differ, one line each (rule R13)."""
    exported = {(count.portal, count.audience): count.exported for count in counts}
    problems = [
        f"{count.portal} {count.audience}: {count.candidates} candidates are not "
        f"{count.exported} exported and {sum(count.excluded.values())} excluded"
        for count in counts
        if count.candidates != count.exported + sum(count.excluded.values())
    ]
    for file in files:
        if file.portal and file.audience:
            counted = exported.get((file.portal, file.audience), 0)
            if counted != file.rows:
                problems.append(f"{file.path}: {file.rows} rows, counted {counted}")
    return problems


def raise_problems(run_id: str, problems: list[str]) -> None:
    """Raise ContractError with the first problem, if there is one."""
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise ContractError(f"run {run_id}: {problems[0]}{more}")


def _audit_file(root: Root, key: str, file: RunFile) -> list[str]:
    """Read a file once, for its size, its sha256 and its rows."""
    with root.open(key) as stream:
        content = Digested(stream)
        wrong_rows = _audit_rows(content, file)
        sha256 = content.drain()
    if content.bytes != file.bytes:
        return [f"{file.path}: damaged, {content.bytes} bytes instead of {file.bytes}"]
    if sha256 != file.sha256:
        return [f"{file.path}: damaged, its sha256 is not the manifest's"]
    return [f"{file.path}: {problem}" for problem in wrong_rows]


def _audit_rows(content: Digested, file: RunFile) -> list[str]:
    try:
        rows = count_rows(content, file.format)
    except ContractError as error:
        return [str(error)]
    return [] if rows == file.rows else [f"{rows} rows instead of {file.rows}"]

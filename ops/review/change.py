"""Build two commits and compare them."""

import fcntl
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path

from audience.diff import Document, compare
from common.errors import ConfigError, DatabaseError
from ops.review import load
from ops.review.conventions import new_findings
from ops.review.differences import differences, different_files
from ops.review.report import Review
from ops.review.sides import BASE, HEAD, Side, base_commit, build, checked_out


def review(
    ref: str, folder: Path, landing: Path | None, max_change: Fraction | None
) -> Review:
    """Build the merge base of HEAD and `ref`, and the working tree; compare them.

    Replaces `folder`. Without a landing, loads the sandbox. Raises ConfigError where
    there is no project, no such commit, or another review is using `folder`.
    """
    if not Path("dbt_project.yml").is_file():
        raise ConfigError("run it in the project's folder, where dbt_project.yml is")
    commit = base_commit(ref)
    with ExitStack() as stack:
        stack.enter_context(_alone(folder))
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        base = stack.enter_context(checked_out(commit, folder / "code"))
        read = load.landed(landing) if landing else load.sandbox(folder)
        sides = (Side(BASE, base, folder / BASE), Side(HEAD, Path.cwd(), folder / HEAD))
        failed = {
            side.name: build(side, read.surroundings, read.variables) for side in sides
        }
        return compared(*sides, failed, max_change)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(f"another review is using {folder}") from error
        yield


def compared(
    base: Side, head: Side, failed: Mapping[str, list[str]], max_change: Fraction | None
) -> Review:
    """Compare two built sides; `failed` names what did not pass."""
    document, obstacle = _audiences(base, head, max_change)
    files, file_count = different_files(base, head)
    return Review(
        document=document,
        obstacle=obstacle,
        failed=failed,
        differences=differences(base, head),
        files=files,
        file_count=file_count,
        findings=new_findings(base, head),
    )


def _audiences(
    base: Side, head: Side, max_change: Fraction | None
) -> tuple[Document | None, str | None]:
    try:
        return compare(base.database, head.database, max_change=max_change), None
    except DatabaseError as error:
        return None, str(error)

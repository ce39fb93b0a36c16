"""What readers of an export root see while runs are promoted, killed and damaged."""

import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from common.errors import ContractError, LostRaceError, StorageError
from publish import promotion
from publish.local import LocalRoot
from publish.run import export_begin
from tests.publish.killing import killer
from tests.publish.publishing import (
    RUN_A,
    RUN_B,
    RUN_C,
    build,
    csv_text,
    publish,
    published,
    tree,
)

MOST_STEPS = 1000


def test_promoting_moves_current_json_and_latest(root: Path) -> None:
    build(RUN_A)
    build(RUN_B)
    assert published(root) == RUN_B
    current = json.loads((root / "current.json").read_text())
    assert list(current) == [
        "manifest",
        "manifest_sha256",
        "promoted_at",
        "promoted_by",
        "run_id",
    ]
    assert current["manifest"] == f"runs/{RUN_B}/manifest.json"
    assert (root / "latest").readlink() == Path(f".latest/{RUN_B}")
    assert _shown(root) == RUN_B
    assert verify(root, RUN_A) == []
    assert verify(root, RUN_B) == []


def test_moving_back_is_promoting_an_earlier_run(root: Path) -> None:
    build(RUN_A)
    build(RUN_B)
    assert promote(root, RUN_A, current_digest(root))
    assert published(root) == RUN_A
    assert _shown(root) == RUN_A


def test_promoting_again_changes_nothing(root: Path) -> None:
    build(RUN_A)
    before = tree(root)
    assert not promote(root, RUN_A, current_digest(root))
    assert tree(root) == before


def test_a_reader_of_the_copies_before_can_finish(root: Path) -> None:
    build(RUN_A)
    folder = os.open(root / "latest" / "sandbox1", os.O_RDONLY)
    build(RUN_B)
    with os.fdopen(os.open("buyers.csv", os.O_RDONLY, dir_fd=folder)) as file:
        assert file.read() == csv_text(RUN_A, "sandbox1", 3)
    os.close(folder)
    build(RUN_C)
    assert _copies(root) == {RUN_B, RUN_C}


def test_all_is_for_the_owner_alone(root: Path) -> None:
    umask = os.umask(0)
    try:
        build(RUN_A)
        build(RUN_B)
    finally:
        os.umask(umask)
    modes = {
        (path.is_dir(), path.stat().st_mode & 0o777)
        for path in [root, *root.rglob("*")]
        if not path.is_symlink()
    }
    assert modes == {(True, 0o700), (False, 0o600)}


def test_another_run_promoted_meanwhile_wins(root: Path) -> None:
    build(RUN_A)
    build(RUN_B, promote=False)
    build(RUN_C, promote=False)
    began_with = current_digest(root)
    promote(root, RUN_B, began_with)
    before = tree(root)
    with pytest.raises(LostRaceError, match=f"{RUN_C}: another run was promoted"):
        promote(root, RUN_C, began_with)
    assert tree(root) == before


def test_a_first_promotion_can_be_lost_too(root: Path) -> None:
    build(RUN_A, promote=False)
    build(RUN_B)
    with pytest.raises(LostRaceError):
        promote(root, RUN_A, "")
    assert published(root) == RUN_B


def test_a_process_that_is_promoting_keeps_others_out(root: Path) -> None:
    build(RUN_A)
    build(RUN_B, promote=False)
    before = tree(root)
    with (root / ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = publish("promote", RUN_B)
        assert (done.returncode, done.stdout) == (30, "")
        assert "another run is being promoted" in done.stderr
        export_begin()
    assert tree(root) == before
    assert publish("promote", RUN_B).returncode == 0


def test_of_two_processes_that_promote_at_once_one_wins(root: Path) -> None:
    build(RUN_A)
    for number in range(4):
        ids = [f"2025020{number + 1}T000000000000Z-{side * 8}" for side in "cd"]
        racers = [_racer(run_id) for run_id in ids]
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.close()
        codes = [racer.wait(timeout=60) for racer in racers]
        assert sorted(codes) == [0, 30]
        winner = ids[codes.index(0)]
        current = json.loads((root / "current.json").read_text())
        assert (current["run_id"], _shown(root)) == (winner, winner)
        assert all(verify(root, run_id) == [] for run_id in ids)
        for racer in racers:
            assert racer.stdout is not None
            racer.stdout.close()


def _racer(run_id: str) -> subprocess.Popen[str]:
    """Start a process that has built a run, and promotes it at the signal."""
    code = """
import json, sys
from tests.publish.publishing import facts, write_files
from common.errors import LostRaceError
from publish.run import export_begin, export_finish
run_id = sys.argv[1]
export_begin()
write_files(run_id)
print("ready", flush=True)
sys.stdin.read()
try:
    export_finish(json.dumps(facts(run_id)))
except LostRaceError as error:
    sys.exit(error.exit_code)
"""
    return subprocess.Popen(
        [sys.executable, "-c", code, run_id],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_readers_never_see_a_mixture(root: Path) -> None:
    build(RUN_A)
    build(RUN_B)
    code = """
import sys
from tests.publish.killing import promote_run
for number in range(50):
    promote_run(sys.argv[1], sys.argv[2 + number % 2])
"""
    command = [sys.executable, "-c", code, str(root), RUN_A, RUN_B]
    promoter = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    texts = {csv_text(run_id, "sandbox2", 3) for run_id in (RUN_A, RUN_B)}
    seen = set()
    while promoter.poll() is None:
        seen.add(published(root))
        assert (root / "latest" / "sandbox2" / "buyers.csv").read_text() in texts
    assert promoter.returncode == 0
    assert seen == {RUN_A, RUN_B}


def test_a_promotion_killed_at_any_step_is_whole_and_can_be_repeated(
    root: Path,
) -> None:
    build(RUN_A)
    build(RUN_B, promote=False)
    seen = set()
    with killer() as start:
        for step in range(1, MOST_STEPS):
            status = start(step, "promote", str(root), RUN_B)
            assert status in (0, -signal.SIGKILL)
            seen.add((_assert_whole(root), _shown(root)))
            _assert_next_build_repairs(root)
            assert verify(root, RUN_A) == []
            assert verify(root, RUN_B) == []
            promote(root, RUN_B, current_digest(root))
            assert published(root) == _shown(root) == RUN_B
            promote(root, RUN_A, current_digest(root))
            if status == 0:
                break
    # Both sides of the two moves were met, and what is between them.
    assert seen == {(RUN_A, RUN_A), (RUN_B, RUN_A), (RUN_B, RUN_B)}
    assert len(_copies(root)) == 2


def test_a_first_build_killed_at_any_step_leaves_nothing_in_the_way(
    root: Path,
) -> None:
    seen = set()
    with killer() as start:
        for step in range(1, MOST_STEPS):
            status = start(step, "build", str(root), RUN_A)
            assert status in (0, -signal.SIGKILL)
            seen.add((_assert_whole(root), _shown(root) if root.exists() else None))
            _assert_next_build_repairs(root)
            assert not _staged(root)
            if status == 0:
                break
            if step % 10 == 0:
                build(RUN_B)
                assert published(root) == _shown(root) == RUN_B
            shutil.rmtree(root)
    assert seen == {(None, None), (RUN_A, None), (RUN_A, RUN_A)}


def test_a_promoter_killed_at_random_moments_is_whole(root: Path) -> None:
    build(RUN_A)
    build(RUN_B)
    code = """
import sys
from tests.publish.killing import promote_run
print("ready", flush=True)
while True:
    promote_run(sys.argv[1], sys.argv[2])
    promote_run(sys.argv[1], sys.argv[3])
"""
    random.seed(2)
    for _ in range(12):
        promoter = subprocess.Popen(
            [sys.executable, "-c", code, str(root), RUN_A, RUN_B],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
        )
        with promoter:
            assert promoter.stdout is not None
            promoter.stdout.readline()
            time.sleep(random.uniform(0, 0.05))
            promoter.kill()
        _assert_whole(root)
        _assert_next_build_repairs(root)


def test_the_state_between_current_json_and_latest_is_repaired(root: Path) -> None:
    build(RUN_A)
    build(RUN_B)
    for repair in (export_begin, lambda: publish("promote", RUN_B)):
        _point_latest(root, RUN_A)
        assert verify(root, RUN_B) == ["latest: does not show this run"]
        repair()
        assert verify(root, RUN_B) == []
        (root / "latest").unlink()
        repair()
        assert verify(root, RUN_B) == []
        shutil.rmtree(root / ".latest")
        repair()
        assert verify(root, RUN_B) == []


def test_damaged_copies_are_repaired(root: Path) -> None:
    build(RUN_A)
    path = root / "latest" / "sandbox1" / "buyers.csv"
    path.write_text(path.read_text().upper())
    (root / "latest" / "sandbox1" / "non_buyers.csv").unlink()
    (root / "latest" / "sandbox2" / "more.csv").write_text("more")
    (root / "latest" / "gone" / "folder").mkdir(parents=True)
    assert verify(root, RUN_A) == [
        "latest/sandbox1/buyers.csv: damaged, its sha256 is not the manifest's",
        "latest/sandbox1/non_buyers.csv: missing",
        "latest/sandbox2/more.csv: extra",
    ]
    assert not promote(root, RUN_A, current_digest(root))
    assert verify(root, RUN_A) == []
    assert published(root) == RUN_A


def test_a_build_starts_over_a_promoted_run_that_was_damaged(root: Path) -> None:
    build(RUN_A)
    shutil.rmtree(root / "runs" / RUN_A)
    shutil.rmtree(root / ".latest")
    build(RUN_B, variables={"max_change": False})
    assert published(root) == _shown(root) == RUN_B


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b"null", b"{" * 10**5])
def test_a_build_replaces_a_damaged_current_json(root: Path, content: bytes) -> None:
    unguarded = {"max_change": False}
    build(RUN_A, variables=unguarded)
    (root / "current.json").write_bytes(content)
    with pytest.raises(ContractError, match=r"current\.json"):
        verify(root, RUN_A)
    build(RUN_B, variables=unguarded)
    assert published(root) == RUN_B
    (root / "current.json").write_bytes(content)
    assert promote(root, RUN_A, current_digest(root))
    assert published(root) == RUN_A


def test_a_damaged_file_of_the_run_is_not_copied(root: Path) -> None:
    build(RUN_A)
    build(RUN_B, promote=False)
    path = root / "runs" / RUN_B / "sandbox2" / "buyers.csv"
    path.write_text(path.read_text().upper())
    before = tree(root / "latest"), current_digest(root)
    with pytest.raises(ContractError, match=r"sandbox2/buyers\.csv: damaged"):
        promote(root, RUN_B, current_digest(root))
    path.unlink()
    with pytest.raises(ContractError, match=r"sandbox2/buyers\.csv: missing"):
        promote(root, RUN_B, current_digest(root))
    assert (tree(root / "latest"), current_digest(root)) == before


def test_a_promoted_manifest_that_was_changed_is_refused(root: Path) -> None:
    build(RUN_A)
    manifest = root / "runs" / RUN_A / "manifest.json"
    manifest.write_text(manifest.read_text().replace("20241231", "20241230"))
    assert verify(root, RUN_A) == [
        "manifest.json: damaged, its sha256 is not the one in current.json"
    ]
    with pytest.raises(ContractError, match=r"the one in current\.json"):
        promote(root, RUN_A, current_digest(root))


def test_a_folder_in_the_place_of_latest_stops_before_anything_moves(
    root: Path,
) -> None:
    build(RUN_A, promote=False)
    (root / "latest").mkdir()
    with pytest.raises(StorageError, match="is not the link"):
        promote(root, RUN_A, "")
    assert not (root / "current.json").exists()


def test_a_link_to_elsewhere_in_the_place_of_latest_is_replaced(root: Path) -> None:
    build(RUN_A, promote=False)
    (root / "latest").symlink_to(f"elsewhere/{RUN_A}")
    promote(root, RUN_A, "")
    assert published(root) == _shown(root) == RUN_A


def test_a_full_disk_leaves_the_old_publication(root: Path) -> None:
    build(RUN_A)
    build(RUN_B, rows=500, promote=False, variables={"max_change": False})
    before = tree(root / "latest"), current_digest(root)
    limited = subprocess.run(
        ["sh", "-c", f'ulimit -f 4; exec "$0" publish promote {RUN_B}', _command()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert limited.returncode == 30
    assert limited.stderr == f"sms: {root}: File too large\n"
    assert (tree(root / "latest"), current_digest(root)) == before
    assert publish("promote", RUN_B).returncode == 0
    assert publish("verify").returncode == 0


def current_digest(root: Path) -> str:
    """Return the version of current.json."""
    return LocalRoot(root).current().version


def promote(root: Path, run_id: str, began_with: str) -> bool:
    """Promote a run of a local folder."""
    return promotion.promote(LocalRoot(root), run_id, began_with)


def verify(root: Path, run_id: str) -> list[str]:
    """Verify a run of a local folder."""
    return promotion.verify(LocalRoot(root), run_id)


def _command() -> str:
    return str(Path(sys.executable).with_name("sms"))


def _assert_whole(root: Path) -> str | None:
    return published(root) if root.exists() else None


def _assert_next_build_repairs(root: Path) -> None:
    export_begin()
    assert published(root) == _shown(root)


def _shown(root: Path) -> str | None:
    latest = root / "latest"
    return latest.readlink().name if latest.is_symlink() else None


def _point_latest(root: Path, run_id: str) -> None:
    (root / "latest").unlink()
    (root / "latest").symlink_to(f".latest/{run_id}")


def _copies(root: Path) -> set[str]:
    return {path.name for path in (root / ".latest").iterdir()}


def _staged(root: Path) -> list[Path]:
    staging = root / ".staging"
    return list(staging.iterdir()) if staging.exists() else []

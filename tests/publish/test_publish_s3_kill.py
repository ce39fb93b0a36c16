"""What a bucket holds after a kill at any request, and what sets it right."""

import signal
from datetime import UTC, datetime

import pytest

from common.errors import ContractError, LostRaceError, StorageError
from common.retention import Rule
from publish import promotion
from publish.promotion import load_manifest
from publish.pruning import prune
from publish.run import export_begin
from publish.settings import export_root
from tests.publish.killing import killer
from tests.publish.publishing import RUN_A, RUN_B, RUN_C, build, publish, write_files
from tests.publish.remote import Remote, promote
from tests.storage.proxy import is_overtaken_by

# Where every second or third step is enough to meet every state, it saves time.
MOST_STEPS = 300


def test_a_promotion_killed_at_any_request_is_set_right(remote: Remote) -> None:
    build(RUN_A)
    build(RUN_B, promote=False)
    seen = set()
    repairs = (export_begin, lambda: promote(RUN_B))
    with killer() as start:
        for step in range(1, MOST_STEPS, 2):
            status = start(step, "promote", remote.address, RUN_B)
            assert status in (0, -signal.SIGKILL)
            promoted, shown = remote.promoted(), remote.shown()
            seen.add((promoted, shown))
            if (promoted, shown) == (RUN_A, RUN_A):
                continue
            repairs[step // 2 % 2]()
            assert (remote.promoted(), remote.shown()) == (RUN_B, RUN_B)
            if status == 0:
                break
            promote(RUN_A)
    # latest/ follows file by file, and only what current.json has gone to.
    assert seen == {
        (RUN_A, RUN_A),
        (RUN_B, RUN_A),
        (RUN_B, "mixed"),
        (RUN_B, RUN_B),
    }


def test_a_first_build_killed_at_any_request_is_in_nobody_s_way(
    remote: Remote,
) -> None:
    seen = set()
    with killer() as start:
        for step in range(1, MOST_STEPS, 3):
            run_id = f"20250203T000000{step:06}Z-aaaaaaaa"
            status = start(step, "build", remote.address, run_id)
            assert status in (0, -signal.SIGKILL)
            files = remote.files()
            seen.add("current.json" in files)
            assert ("current.json" in files) >= any("latest/" in key for key in files)
            if "current.json" in files:
                export_begin()
                assert promotion.verify(export_root(), run_id) == []
                remote.delete(*remote.files())
            if status == 0:
                break
    assert seen == {False, True}
    build(RUN_A)
    assert (remote.promoted(), remote.shown()) == (RUN_A, RUN_A)
    assert not list(export_root().staging.iterdir())


def test_a_prune_killed_at_any_request_is_finished_by_the_next(remote: Remote) -> None:
    build(RUN_A)
    build(RUN_C, promote=False)
    after, kept = remote.tree(), remote.files()
    build(RUN_B, promote=False)
    whole = {key: text for key, text in remote.tree().items() if key not in after}
    seen = set()
    with killer() as start:
        for step in range(1, MOST_STEPS, 2):
            status = start(step, "prune", remote.address, "1")
            assert status in (0, -signal.SIGKILL)
            left = remote.files(f"runs/{RUN_B}/")
            seen.add(_state(left, whole))
            list(prune(export_root(), Rule(1, 0), datetime.now(UTC), dry_run=False))
            assert remote.files() == kept
            if status == 0:
                break
            for key, content in whole.items():
                remote.put(key, content)
    assert remote.tree() == after
    assert seen == {"whole", "marked", "part", "gone"}


def _state(left: list[str], whole: dict[str, bytes]) -> str:
    """Say how much of a run is left; what is not whole cannot be promoted."""
    marked = any(key.endswith(".removed") for key in left)
    files = {key for key in left if not key.endswith(".removed")}
    if not left:
        return "gone"
    if files == whole.keys():
        return "marked" if marked else "whole"
    assert marked
    with pytest.raises(ContractError, match="has no manifest"):
        load_manifest(export_root(), RUN_B)
    return "part"


def test_a_run_that_is_marked_is_not_promoted(remote: Remote) -> None:
    build(RUN_A)
    build(RUN_B, promote=False)
    remote.put(f"runs/{RUN_B}/manifest.json.removed", b"{}")
    before = remote.tree()
    with pytest.raises(ContractError, match=f"run {RUN_B}: is being removed"):
        promote(RUN_B)
    assert remote.tree() == before
    assert promotion.verify(export_root(), RUN_B) == ["manifest.json.removed: extra"]


def test_a_run_that_is_marked_as_it_is_promoted_is_an_error(remote: Remote) -> None:
    build(RUN_A)
    build(RUN_B, promote=False)
    mark = f"runs/{RUN_B}/manifest.json.removed"
    with remote.behind_proxy() as proxy:
        overtake = is_overtaken_by(lambda: remote.put(mark, b"{}"))
        proxy.play(overtake, "PUT", "/current.json", times=1)
        with pytest.raises(StorageError, match=f"{RUN_B}: is being removed by a prune"):
            promote(RUN_B)
    assert remote.shown() == RUN_A
    # It keeps no build from starting.
    export_begin()
    assert promote(RUN_A)


def test_a_run_promoted_meanwhile_stops_the_prune(remote: Remote) -> None:
    build(RUN_A)
    build(RUN_B)
    build(RUN_C)
    verdicts = prune(export_root(), Rule(0, 0), datetime.now(UTC), dry_run=False)
    assert next(verdicts).reason == "promoted"
    promote(RUN_B)
    before = remote.tree()
    with pytest.raises(LostRaceError, match=f"{RUN_B}: not removed"):
        next(verdicts)
    assert remote.tree() == before


def test_prune_removes_and_says_why(remote: Remote) -> None:
    build(RUN_A)
    write_files(RUN_B)
    build(RUN_C)
    remote.put("runs/notes/file", b"mine")
    promote(RUN_A)
    before = remote.tree()
    done = publish("prune", "--keep", "0")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "removed",
        "removed",
        "kept",
        "kept",
    ]
    assert remote.tree() == {
        key: text
        for key, text in before.items()
        if not key.startswith((f"runs/{RUN_B}/", f"runs/{RUN_C}/"))
    }
    assert promotion.verify(export_root(), RUN_A) == []

"""Two at once in a bucket, and answers that are lost: who has won is never guessed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from common.errors import LostRaceError, StorageError
from publish import promotion
from publish.settings import export_root
from tests.publish.publishing import (
    RUN_A,
    RUN_B,
    RUN_C,
    SMS,
    build,
    publish,
    write_file,
)
from tests.publish.remote import Remote, promote
from tests.storage.proxy import (
    Answer,
    Forward,
    Request,
    answers,
    is_overtaken_by,
    loses_the_answer,
    resets,
)

BUYERS = "sandbox1/buyers.csv"
CURRENT = "/current.json"


def fails_when_done(request: Request, forward: Forward) -> Answer:
    """Pass the request on, and answer that it has failed."""
    forward(request)
    return Answer(500, [], b"<Error><Code>InternalError</Code></Error>")


@pytest.mark.parametrize("fault", [loses_the_answer, fails_when_done])
def test_a_lost_answer_is_told_from_a_lost_race(
    remote: Remote, fault: Callable[[Request, Forward], Answer | None]
) -> None:
    build(RUN_A)
    with remote.behind_proxy() as proxy:
        for key in (BUYERS, "manifest.json", CURRENT, "/latest/"):
            proxy.play(fault, "PUT", key, times=1)
        build(RUN_B)
    assert (remote.promoted(), remote.shown()) == (RUN_B, RUN_B)


def test_all_answers_can_be_lost(remote: Remote) -> None:
    build(RUN_A)
    build(RUN_B, promote=False)
    with remote.behind_proxy() as proxy:
        proxy.play(loses_the_answer, "PUT", CURRENT)
        assert promote(RUN_B)
    assert (remote.promoted(), remote.shown()) == (RUN_B, RUN_B)


@pytest.mark.parametrize("first", [True, False])
def test_another_run_that_is_first_wins(remote: Remote, first: bool) -> None:
    build(RUN_A, promote=not first)
    build(RUN_B, promote=False)
    others = json.dumps({"run_id": RUN_C}).encode()
    shown = remote.shown()
    with remote.behind_proxy() as proxy:
        overtake = is_overtaken_by(lambda: remote.put("current.json", others))
        proxy.play(overtake, "PUT", CURRENT, times=1)
        with pytest.raises(LostRaceError, match=f"run {RUN_B}: another run was"):
            promote(RUN_B)
    assert (remote.read("current.json"), remote.shown()) == (others, shown)


def test_a_file_of_another_content_is_no_lost_answer(remote: Remote) -> None:
    with remote.behind_proxy() as proxy:
        key = f"runs/{RUN_A}/{BUYERS}"
        overtake = is_overtaken_by(lambda: remote.put(key, b"another's"))
        proxy.play(overtake, "PUT", BUYERS, times=1)
        with pytest.raises(StorageError, match="written once"):
            write_file(RUN_A, BUYERS, "a\n", 0)


def test_a_conflict_is_tried_again_and_not_for_ever(remote: Remote) -> None:
    build(RUN_A)
    build(RUN_B, promote=False)
    conflict = answers(409, "ConditionalRequestConflict")
    with remote.behind_proxy() as proxy:
        proxy.play(conflict, "PUT", CURRENT, times=2)
        assert promote(RUN_B)
        proxy.play(conflict, "PUT", CURRENT)
        with pytest.raises(StorageError, match=r"answered with Conditional.* 409"):
            promote(RUN_A)
    assert proxy.count("PUT", CURRENT) == 9
    assert (remote.promoted(), remote.shown()) == (RUN_B, RUN_B)


def test_an_unknown_outcome_is_reported(remote: Remote) -> None:
    build(RUN_A)
    build(RUN_B, promote=False)
    with remote.behind_proxy() as proxy:
        proxy.play(loses_the_answer, "PUT", CURRENT)
        proxy.play(resets, "HEAD", CURRENT)
        with pytest.raises(StorageError, match="it is unknown whether it was"):
            promote(RUN_B)
    # It was: so the next one finishes it.
    assert (remote.promoted(), remote.shown()) == (RUN_B, RUN_A)
    assert not promote(RUN_B)
    assert remote.shown() == RUN_B


def test_current_json_has_moved_where_latest_cannot_follow(remote: Remote) -> None:
    build(RUN_A)
    build(RUN_B, promote=False)
    with remote.behind_proxy() as proxy:
        proxy.play(answers(503, "SlowDown"), "PUT", "/latest/")
        # A process starts with botocore's whole retry quota.
        done = subprocess.run(
            [SMS, "publish", "promote", RUN_B],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 30
    assert f"run {RUN_B}: is promoted, but latest/ was not updated" in done.stderr
    assert "CopyObject is answered with SlowDown (status 503), 5 times" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert remote.promoted() == RUN_B
    assert not promote(RUN_B)
    assert remote.shown() == RUN_B


def test_of_two_machines_that_promote_at_once_one_wins(
    remote: Remote, tmp_path: Path
) -> None:
    ids = [f"20250201T000000000000Z-{side * 8}" for side in "cd"]
    racers = [_racer(run_id, tmp_path) for run_id in ids]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.close()
    codes = [racer.wait(timeout=60) for racer in racers]
    assert sorted(codes) == [0, 30]
    winner, loser = (ids[codes.index(code)] for code in (0, 30))
    said = racers[codes.index(30)].stderr
    assert said is not None
    assert said.read() == (
        f"run {loser}: another run was promoted meanwhile; this one was not"
    )
    assert remote.promoted() == winner
    assert promotion.verify(export_root(), winner) == []
    for racer in racers:
        for pipe in (racer.stdout, racer.stderr):
            assert pipe is not None
            pipe.close()


def _racer(run_id: str, folder: Path) -> subprocess.Popen[str]:
    """Start a machine that has built a run, and promotes it at the signal."""
    code = """
import json, sys
from tests.publish.publishing import facts, write_files
from publish import run
from common.errors import LostRaceError
run_id = sys.argv[1]
run.export_begin()
write_files(run_id)
promote = run.promote
def promote_at_signal(*arguments):
    print("ready", flush=True)
    sys.stdin.read()
    return promote(*arguments)
run.promote = promote_at_signal
try:
    run.export_finish(json.dumps(facts(run_id)))
except LostRaceError as error:
    sys.stderr.write(str(error))
    sys.exit(error.exit_code)
"""
    return subprocess.Popen(
        [sys.executable, "-c", code, run_id],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"XDG_STATE_HOME": str(folder / run_id)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_process_that_is_promoting_keeps_this_machine_s_others_out(
    remote: Remote,
) -> None:
    build(RUN_A)
    build(RUN_B, promote=False)
    before = remote.tree()
    with export_root().promoting():
        done = publish("promote", RUN_B)
    assert done.returncode == 30
    assert f"another run is being promoted under {remote.address}" in done.stderr
    assert remote.tree() == before

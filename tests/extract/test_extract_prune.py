"""`extract prune`: which loads and stagings go, which stay, what a stop leaves."""

import asyncio
import json
import os
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from common.errors import StorageError
from common.locks import hold, locked
from common.retention import Rule
from extract.carry import Reuse, known_already
from extract.landing import Load, list_loads, open_duckdb, read_loads
from extract.logs import open_log
from extract.pruning import judge, prune
from extract.resume import LOCK, ROWS, WANTED
from extract.shrink import Comparison, find_shrunk
from extract.staging import JOBS, WHOLE
from ops.loads import UnknownRunError, promoted_load
from publish.local import LocalRoot
from publish.run import export_begin, export_finish
from tests.extract.fake_portal import serve
from tests.extract.loading import (
    SMS,
    environment,
    extract,
    kill,
    load,
    project,
    school,
    staged,
    start,
    studio,
)

NOW = datetime(2025, 3, 1, tzinfo=UTC)
PROMOTED = "the promoted run was built from it"
RUN = "20250210T000000000000Z-aaaaaaaa"


def load_id(day: int, hour: int = 0) -> str:
    """Return the id of a load of a day in February 2025."""
    return f"202502{day:02}T{hour:02}0000000000Z-aaaaaaaa"


IDS = [load_id(day) for day in (28, 27, 20, 10, 1)]


def facts(name: str, *portals: str, **more: Any) -> dict[str, Any]:
    """Return the load.json of a load of some portals."""
    about = {"load_id": name, "extracted_at": "2025-02-01T00:00:00.000000Z"}
    return {**about, "portals": {key: {} for key in portals or ("studio",)}, **more}


def a_load(name: str, *portals: str, **more: Any) -> Load:
    """Return a load without files."""
    return Load(Path(name), facts(name, *portals, **more))


def kept(
    loads: list[Load],
    keep: int,
    keep_days: int,
    current: str | None = IDS[0],
    promoted: str | None = None,
) -> list[str]:
    """Return the ids of the loads that stay, of loads given newest first."""
    in_use = {promoted: PROMOTED} if promoted else {}
    by_id: dict[str, Load | None] = {one.load_id: one for one in loads}
    verdicts = judge(by_id, current, in_use, Rule(keep, keep_days), NOW)
    assert [verdict.name for verdict in verdicts] == [one.load_id for one in loads]
    return [verdict.name for verdict in verdicts if verdict.is_kept]


LOADS = [a_load(name) for name in IDS]
HELD: dict[str, Any] = {"shrunk": {"studio": {}}}


def test_the_newest_and_the_young_loads_stay() -> None:
    assert kept(LOADS, 2, 0) == IDS[:2]
    assert kept(LOADS, 0, 9) == IDS[:2]
    assert kept(LOADS, 0, 10) == IDS[:3]
    assert kept(LOADS, 4, 2) == IDS[:4]
    assert kept(LOADS, 1, 365) == IDS
    assert kept(LOADS, 99, 0) == IDS
    assert kept(LOADS, 0, 0) == IDS[:1]


def test_the_current_and_the_promoted_load_stay_and_count() -> None:
    assert kept(LOADS, 0, 0, current=IDS[1]) == IDS[:2]
    assert kept(LOADS, 0, 0, promoted=IDS[3]) == [IDS[0], IDS[3]]
    assert kept(LOADS, 2, 0, promoted=IDS[4]) == [*IDS[:2], IDS[4]]
    # Before anything is current, the newest is the one that could be.
    assert kept(LOADS, 0, 0, current=None) == IDS[:1]


def test_the_newest_full_load_of_a_portal_stays() -> None:
    loads = [
        a_load(IDS[0], "a", only_jobs=1),
        a_load(IDS[1], "a", "b", **HELD),
        a_load(IDS[2], "a"),
        a_load(IDS[3], "a", "b", **HELD, accepted_at="now"),
        a_load(IDS[4], "a", "b", "c"),
    ]
    assert kept(loads, 0, 0) == [IDS[0], *IDS[2:]]
    assert kept(loads[:4], 0, 0) == [IDS[0], *IDS[2:4]]
    assert kept(loads[:2], 0, 0) == [IDS[0]]


def test_held_back_loads_do_not_count() -> None:
    held = [a_load(load_id(day), **HELD) for day in (27, 26, 12)]
    loads = [a_load(load_id(28)), *held[:2], a_load(load_id(20)), held[2]]
    assert kept(loads, 2, 0) == [one.load_id for one in loads[:4]]
    assert kept(loads, 1, 0) == [load_id(28)]


def test_an_id_without_a_time_counts_as_recent() -> None:
    impossible = a_load("20259999T000000000000Z-aaaaaaaa", only_jobs=1)
    assert kept([impossible, *LOADS], 0, 0) == [impossible.load_id, IDS[0]]


def test_every_verdict_says_why() -> None:
    loads: dict[str, Load | None] = {
        IDS[0]: a_load(IDS[0], only_jobs=1),
        IDS[1]: a_load(IDS[1], **HELD),
        IDS[2]: a_load(IDS[2], "a", "b"),
        load_id(19): a_load(load_id(19)),
        load_id(18): None,
        load_id(17): a_load(load_id(17), "a", **HELD),
        IDS[3]: a_load(IDS[3], "a"),
        IDS[4]: a_load(IDS[4], "a"),
    }
    verdicts = judge(loads, IDS[0], {IDS[4]: PROMOTED}, Rule(1, 3), NOW)
    assert [(verdict.is_kept, verdict.reason) for verdict in verdicts] == [
        (True, "current"),
        (True, "younger than 3 days"),
        (True, "the newest with all of a, b"),
        (True, "the newest with all of studio"),
        (False, "damaged, 11 days old"),
        (False, "held back, 12 days old"),
        (False, "19 days old"),
        (True, "the promoted run was built from it"),
    ]


# What is on the disk


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    """Return a landing of five loads, of which the newest is current."""
    folder = tmp_path / "landing"
    (folder / ".staging").mkdir(parents=True)
    for name in IDS:
        make_load(folder, name)
    (folder / "current").symlink_to(f"loads/{IDS[0]}")
    return folder


def make_load(landing: Path, name: str) -> None:
    """Make a load of one file."""
    portal = landing / "loads" / name / "portal=studio"
    portal.mkdir(parents=True)
    (portal / "users.parquet").write_text("rows")
    (portal.parent / "load.json").write_text(json.dumps(facts(name)))


def loads_in(landing: Path) -> list[str]:
    """Return the names in `loads`, newest first."""
    return sorted((one.name for one in (landing / "loads").iterdir()), reverse=True)


def pruned(landing: Path, keep: int = 0, **options: Any) -> dict[str, str]:
    """Prune; return what was removed, with the reasons."""
    dry_run = options.pop("dry_run", False)
    rule = Rule(keep, options.pop("keep_days", 0))
    in_use = partial(promoted_load, LocalRoot(landing.parent / "exports"))
    now = datetime.now(UTC)
    verdicts = prune(landing, in_use, rule, now, dry_run=dry_run)
    return {one.name: one.reason for one in verdicts if not one.is_kept}


def promote(landing: Path, of_load: str, run_id: str = RUN) -> Path:
    """Promote a run that was built from a load; return the export root."""
    run = {
        **{"run_id": run_id, "load_id": of_load, "as_of": "2025-02-10"},
        **{
            "code_version": "0.1.0",
            "variables": {},
            "files": [],
            "counts": [],
            "promote": True,
        },
    }
    root = landing.parent / "exports"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPORT_ROOT", str(root))
        export_begin()
        export_finish(json.dumps(run))
    return root


def test_prune_removes_and_says_why(landing: Path) -> None:
    promote(landing, IDS[3])
    days = [
        (datetime.now(UTC) - datetime(2025, 2, n, tzinfo=UTC)).days for n in (20, 1)
    ]
    dry = extract(landing.parent, "prune", "--keep", "2", "--dry-run")
    assert (dry.returncode, dry.stderr) == (0, "")
    assert dry.stdout.splitlines() == [
        f"kept          {IDS[0]}  current",
        f"kept          {IDS[1]}  among the newest 2",
        f"would remove  {IDS[2]}  {days[0]} days old",
        f"kept          {IDS[3]}  the promoted run was built from it",
        f"would remove  {IDS[4]}  {days[1]} days old",
        "kept 3, would remove 2",
    ]
    assert loads_in(landing) == IDS
    as_json = extract(landing.parent, "prune", "--keep", "2", "--dry-run", "--json")
    report = json.loads(as_json.stdout)
    verdicts = report.pop("verdicts")
    assert report == {"dry_run": True, "kept": 3, "removed": 2}
    assert [one["is_kept"] for one in verdicts] == [True, True, False, True, False]
    assert verdicts[0] == {"name": IDS[0], "is_kept": True, "reason": "current"}
    assert loads_in(landing) == IDS
    done = extract(landing.parent, "prune", "--keep", "2")
    assert done.stdout.replace("removed", "would remove").split() == dry.stdout.split()
    assert loads_in(landing) == [*IDS[:2], IDS[3]]
    assert staged(landing) == []


def test_a_missing_landing_is_reported(tmp_path: Path) -> None:
    done = extract(tmp_path, "prune", "--keep", "0")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "sms: there is no landing in landing\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "say what to keep: --keep N, --keep-days D, or both"),
        (["--keep-days", "36501"], "--keep-days"),
    ],
)
def test_wrong_usage_removes_nothing(
    landing: Path, arguments: list[str], message: str
) -> None:
    done = extract(landing.parent, "prune", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert loads_in(landing) == IDS


@pytest.mark.parametrize(
    ("damage", "code", "message"),
    [
        (lambda root: (root / "current.json").write_text("{}"), 10, "current.json"),
        (lambda root: (root / "runs" / RUN / "manifest.json").unlink(), 10, RUN),
        (lambda root: shutil.rmtree(root / "runs"), 10, RUN),
        (lambda root: unreadable(root / "current.json"), 30, "current.json"),
    ],
    ids=["current.json", "manifest", "run", "unreadable"],
)
def test_nothing_is_removed_if_the_promoted_run_is_unknown(
    landing: Path, damage: Any, code: int, message: str
) -> None:
    damage(promote(landing, IDS[3]))
    abandoned(landing, IDS[2])
    with pytest.raises(UnknownRunError, match=message) as raised:
        pruned(landing)
    assert raised.value.exit_code == code
    assert loads_in(landing) == IDS
    assert staged(landing) == [IDS[2]]


def unreadable(file: Path) -> None:
    """Put a folder in a file's place."""
    file.unlink()
    file.mkdir()


def test_an_export_root_that_cannot_be_read_is_one_line(landing: Path) -> None:
    env = environment(EXPORT_ROOT="ftp://somewhere")
    done = extract(landing.parent, "prune", "--keep", "0", env=env)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    (promote(landing, IDS[3]) / "current.json").write_text("{}")
    done = extract(landing.parent, "prune", "--keep", "0")
    assert (done.returncode, done.stderr.count("\n")) == (10, 1)
    assert "no load is removed, as the promoted run is unknown: " in done.stderr
    assert loads_in(landing) == IDS


def test_a_missing_export_root_protects_no_load(landing: Path) -> None:
    promote(landing, IDS[3])
    env = environment(EXPORT_ROOT=str(landing.parent / "misspelt"))
    done = extract(landing.parent, "prune", "--keep", "0", env=env)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.endswith("no load is removed, as the promoted run is unknown")
    assert loads_in(landing) == IDS


def test_a_load_that_becomes_needed_meanwhile_stays(landing: Path) -> None:
    root = LocalRoot(landing.parent / "exports")
    in_use = partial(promoted_load, root)
    verdicts = prune(landing, in_use, Rule(0, 0), NOW, dry_run=False)
    assert next(verdicts).reason == "current"
    promote(landing, IDS[1])
    assert next(verdicts).reason == PROMOTED
    (landing / "current").unlink()
    (landing / "current").symlink_to(f"loads/{IDS[2]}")
    assert next(verdicts).reason == "current"
    (root.folder / "current.json").write_text("{}")
    with pytest.raises(UnknownRunError):
        next(verdicts)
    assert loads_in(landing) == IDS


def test_a_load_stays_while_it_is_read(landing: Path) -> None:
    descriptor = hold(landing / "loads" / IDS[2])
    assert descriptor is not None
    assert [*pruned(landing, dry_run=True)] == [IDS[1], IDS[3], IDS[4]]
    assert [*pruned(landing)] == [IDS[1], IDS[3], IDS[4]]
    os.close(descriptor)
    assert [*pruned(landing)] == [IDS[2]]
    assert hold(landing / "loads" / IDS[2]) is None


def test_other_folders_are_not_touched(landing: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (landing / "loads" / IDS[2]).rename(outside)
    (landing / "loads" / IDS[2]).symlink_to(outside)
    (landing / "loads" / IDS[3] / "portal=studio" / "link").symlink_to(outside)
    for name in ("notes", f"{IDS[3]}.old", "current"):
        (landing / "loads" / name).mkdir()
    (landing / ".staging" / "mine").mkdir()
    (landing / "loads" / IDS[1] / "load.json").write_text("torn")
    assert [*pruned(landing)] == [IDS[1], IDS[3], IDS[4]]
    assert (outside / "load.json").is_file()
    left = {"notes", f"{IDS[3]}.old", "current", IDS[0], IDS[2]}
    assert set(loads_in(landing)) == left
    assert staged(landing) == ["mine"]


def test_the_newest_load_stays_if_none_is_current(landing: Path) -> None:
    (landing / "current").unlink()
    assert [*pruned(landing)] == IDS[1:]


def test_loads_can_be_listed_during_a_prune(landing: Path) -> None:
    shutil.rmtree(landing / "loads" / IDS[4])
    assert [one["load_id"] for one in list_loads(landing)] == IDS[:4]
    (landing / "loads" / IDS[3] / "load.json").unlink()
    with pytest.raises(StorageError):
        list_loads(landing)


# Stagings


def abandoned(landing: Path, name: str, hours: float | None = None) -> Path:
    """Leave what a killed load leaves; it completed a job `hours` ago."""
    folder = landing / ".staging" / name
    folder.mkdir(parents=True)
    (folder / LOCK).touch()
    (folder / WANTED).write_text("{}")
    if hours is not None:
        whole = folder / ROWS / "studio" / JOBS / "job" / WHOLE
        whole.parent.mkdir(parents=True)
        whole.touch()
        at = (datetime.now(UTC) - timedelta(hours=hours)).timestamp()
        os.utime(whole, (at, at))
    return folder


def test_stagings_that_no_load_can_resume_are_removed(landing: Path) -> None:
    names = [load_id(20, hour) for hour in range(5)]
    for name, hours in zip(names, (23.9, 24.1, 47.9, None, None), strict=True):
        abandoned(landing, name, hours)
    (landing / "loads" / IDS[4]).rename(landing / ".staging" / f"{IDS[4]}.removed")
    with locked(landing / ".staging" / names[4] / LOCK):
        assert pruned(landing, keep=9, keep_days=2) == {
            f".staging/{names[3]}": "left by an interrupted load",
            f".staging/{IDS[4]}.removed": ("left by an interrupted prune"),
        }
        old = [f".staging/{names[2]}", f".staging/{names[1]}"]
        assert [*pruned(landing, keep=9, dry_run=True)] == old
        assert [*pruned(landing, keep=9)] == old
        assert staged(landing) == [names[0], names[4]]


def test_a_killed_load_is_resumed_after_a_prune(tmp_path: Path) -> None:
    async def hang(_: web.BaseRequest) -> Any:
        await asyncio.sleep(60)

    routes = school(2)
    with serve(routes | {"/jobs/j1": hang}) as portal:
        folder = project(tmp_path, portal)
        landing = folder / "landing"
        process = start(folder, "load")
        while not [*landing.glob(f".staging/*/{ROWS}/*/{JOBS}/*/{WHOLE}")]:
            assert process.poll() is None
            time.sleep(0.01)
        assert pruned(landing) == {}
        kill(process)
        assert pruned(landing) == {}
        portal.routes |= routes
        facts = load(portal.base_url, landing, key="studio0")
    assert facts["portals"]["studio0"]["resumed_jobs"] == 1


def test_the_next_load_removes_what_a_stopped_prune_left(tmp_path: Path) -> None:
    with serve(studio()) as portal:
        first = load(portal.base_url, tmp_path)["load_id"]
        load(portal.base_url, tmp_path)
        removed = tmp_path / ".staging" / f"{first}.removed"
        (tmp_path / "loads" / first).rename(removed)
        facts = load(portal.base_url, tmp_path)
    assert staged(tmp_path) == []
    assert facts["portals"]["studio"]["carried"]["access_keys"] == 3


def test_a_load_that_is_pruned_after_it_was_listed_is_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = open_log("json")
    with serve(studio()) as portal:
        full = load(portal.base_url, tmp_path)
        newer = load(portal.base_url, tmp_path)
        newest = load(portal.base_url, tmp_path, jobs=("j1",))
        sources = {"studio": portal.base_url}
    loads = read_loads(tmp_path, log)
    for gone in (newer, newest):
        shutil.rmtree(tmp_path / "loads" / gone["load_id"])
    sources = {"studio": full["portals"]["studio"]["source"]}
    capsys.readouterr()
    (tmp_path / "load").mkdir()
    shutil.copytree(tmp_path / "loads" / full["load_id"], tmp_path / "load" / "now")
    with (
        known_already(
            tmp_path / "load",
            sources,
            loads,
            reuse=Reuse(),
            started=datetime.now(UTC),
            log=log,
        ) as earlier,
        open_duckdb(tmp_path) as engine,
    ):
        # The newest was of one job, and the one before it had all.
        assert earlier["studio"].known.find("users", "u1") is None
        this = Comparison(engine, loads, frozenset(), 1.5, log)
        assert find_shrunk(this, tmp_path / "load" / "now", sources) == {
            "studio": {"subjects": 3, "before": 3, "load_id": full["load_id"]}
        }
    assert capsys.readouterr().out == ""


# Stops, and two at once

# A load that goes has each of these calls once, but for three of unlinkat.
KILLS = {
    "rename": (1, 2),
    "unlinkat": (2, 3),
    "rmdir": (1,),
}


def prune_with(landing: Path, fault: str) -> subprocess.CompletedProcess[str]:
    """Prune with a fault in one of the system calls."""
    call = fault.partition(":")[0]
    strace = ["strace", "-f", "-qqq", "-o", "/dev/null", "-e", f"trace={call}"]
    return subprocess.run(
        [*strace, "-e", f"inject={fault}", SMS, "extract", "prune", "--keep", "0"],
        cwd=landing.parent,
        # What Python writes for itself would be counted.
        env=environment(PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def assert_converges(landing: Path) -> None:
    """Check that the remaining loads are complete and that the next prune succeeds."""
    for one in list_loads(landing):
        folder = landing / "loads" / one["load_id"]
        assert (folder / "portal=studio" / "users.parquet").read_text() == "rows"
    assert loads_in(landing)[0] == IDS[0]
    pruned(landing)
    assert loads_in(landing) == IDS[:1]
    assert staged(landing) == []


@pytest.mark.parametrize(
    ("call", "number"),
    [(call, number) for call, numbers in KILLS.items() for number in numbers],
)
def test_a_prune_can_be_killed_at_any_system_call(
    landing: Path, call: str, number: int
) -> None:
    killed = prune_with(landing, f"{call}:signal=KILL:when={number}")
    assert killed.returncode == -9, "the prune has fewer of these calls"
    assert_converges(landing)


@pytest.mark.parametrize(
    "fault", ["rename:error=EROFS", "unlinkat:error=EACCES:when=2+"]
)
def test_a_refused_write_is_one_line(landing: Path, fault: str) -> None:
    refused = prune_with(landing, fault)
    assert refused.returncode == 30
    assert refused.stderr.startswith("sms: landing")
    assert refused.stderr.count("\n") == 1
    assert_converges(landing)


def test_concurrent_prunes_and_loads(tmp_path: Path) -> None:
    with serve(studio()) as portal:
        folder = project(tmp_path, portal)
        landing = folder / "landing"
        load(portal.base_url, landing, key="studio0")
        for n in range(200):
            make_load(landing, load_id(1 + n % 27, n // 27))
        commands = [("prune", "--keep", "0")] * 2 + [("load",)] * 2
        running = [start(folder, *command) for command in commands]
        outputs = [process.communicate(timeout=60) for process in running]
    assert [process.returncode for process in running] == [0] * 4
    assert {err for _, err in outputs} == {""}
    last = [json.loads(out.splitlines()[-1]) for out, _ in outputs[2:]]
    for one in last:
        assert one["carried"] == {"access_keys": 3, "users": 1}
    pruned(landing)
    newest = max(one["load_id"] for one in last)
    assert loads_in(landing)[0] == newest
    assert len(loads_in(landing)) == 2
    assert staged(landing) == []

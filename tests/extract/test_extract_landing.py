"""Loads are complete, private and immutable, and only then current."""

import asyncio
import json
import os
import re
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest
from aiohttp import web

from common.errors import StorageError
from extract.landing import SCHEMA, land, list_loads, open_duckdb, write_parquet
from extract.resume import Interrupted, staging
from extract.staging import Window
from tests.extract.fake_portal import serve
from tests.extract.loading import (
    credentials,
    extract,
    kill,
    landed,
    load,
    project,
    query,
    start,
    studio,
)

TEXTS = ["", " ", "a\x00b", "\x00", "\u2028\n\r\t\x1f", "null", "{}", "[1]", "1.10"]
TEXTS += ["'\"\\", "=1+1", "2020-01-01", "true", "é\u0301\U0001f600", "\ufeffx", "NaN"]


NOTHING = Interrupted({"code": ""}, Window("", ""))


def test_every_entity_has_a_file_with_its_schema_even_without_rows(
    tmp_path: Path,
) -> None:
    with serve({"/activities/search": []}) as portal:
        load(portal.base_url, tmp_path / "none")
    with serve(studio()) as portal:
        load(portal.base_url, tmp_path / "some")
    for landing in ("none", "some"):
        folder = tmp_path / landing / "current" / "portal=studio"
        assert {one.name for one in folder.iterdir()} == {
            f"{entity}.parquet" for entity in SCHEMA
        }
        for entity, columns in SCHEMA.items():
            files = f"'{folder}/{entity}.parquet', hive_partitioning = false"
            with duckdb.connect() as engine:
                found = engine.execute(
                    f"describe from read_parquet({files})"
                ).fetchall()
            kinds = {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}
            assert {row[0]: row[1].replace('"', "") for row in found} == {
                name: kinds.get(kind, kind) for name, kind in columns.items()
            }


def test_text_is_landed_untouched(tmp_path: Path) -> None:
    rows = [
        {"uuid": f"s{n}", "name": text, "delivery_1": {"name": text}, "images": ["i"]}
        for n, text in enumerate(TEXTS)
    ]
    path = "/jobs/j1/subjects?" + query("true")
    with serve(studio() | {path: rows}) as portal:
        load(portal.base_url, tmp_path)
    found = {
        row["position"]: row
        for row in landed(tmp_path, "subjects")
        if row["listed_in"] == "buyers"
    }
    assert [found[n]["name"] for n in range(len(TEXTS))] == TEXTS
    assert [found[n]["delivery_1"]["name"] for n in range(len(TEXTS))] == TEXTS
    assert [json.loads(found[n]["payload"]) for n in range(len(TEXTS))] == rows


def test_times_are_those_of_the_answers_in_utc(tmp_path: Path) -> None:
    with serve(studio()) as portal:
        facts = load(portal.base_url, tmp_path)
    for entity in set(SCHEMA) - {"quarantine"}:
        for row in landed(tmp_path, entity):
            at = row["fetched_at"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            assert facts["extracted_at"] < at < facts["finished_at"]


def test_load_json_has_the_facts(tmp_path: Path) -> None:
    with serve(studio()) as portal:
        facts = load(portal.base_url, tmp_path)
        base_url = portal.base_url
    written = json.loads((tmp_path / "current" / "load.json").read_text())
    assert facts == {**written, "current": True}
    assert re.fullmatch(r"\d{8}T\d{12}Z-[0-9a-f]{8}", written["load_id"])
    time_text = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
    assert re.fullmatch(time_text, written["extracted_at"])
    assert written["load_id"][:15] == re.sub("[-:]", "", written["extracted_at"])[:15]
    assert set(written) == {
        *("load_id", "extracted_at", "finished_at", "code_version"),
        *("only_jobs", "portals", "rows", "requests", "seconds", "shrunk"),
    }
    assert written["portals"]["studio"]["base_url"] == base_url
    link = (tmp_path / "current").readlink()
    assert link == Path("loads") / written["load_id"]


def test_only_the_owner_can_read_a_load(tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    before = os.umask(0)
    try:
        with serve(studio()) as portal:
            load(portal.base_url, landing)
        assert os.umask(0) == 0
    finally:
        os.umask(before)
    for path in (landing, *landing.rglob("*")):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            assert mode == (0o700 if path.is_dir() else 0o600), path


def test_a_newer_load_becomes_current_and_the_older_stays(tmp_path: Path) -> None:
    with serve(studio()) as portal:
        first = load(portal.base_url, tmp_path)
        second = load(portal.base_url, tmp_path)
    loads = list_loads(tmp_path)
    assert [(one["load_id"], one["current"]) for one in loads] == [
        (second["load_id"], True),
        (first["load_id"], False),
    ]


def test_a_load_that_ends_after_a_newer_one_does_not_replace_it(tmp_path: Path) -> None:
    with serve(studio()) as portal:
        newer = load(portal.base_url, tmp_path)
    older = "20000101T000000000000Z-00000000"
    with staging(tmp_path, older, NOTHING) as folder:
        (folder / "load" / "portal=studio").mkdir(parents=True)
        assert not land(tmp_path, folder / "load", {"load_id": older})
    assert (tmp_path / "current").readlink().name == newer["load_id"]
    assert (tmp_path / "loads" / older / "load.json").exists()


def test_lost_rows_are_noticed(tmp_path: Path) -> None:
    file, target = tmp_path / "a.ndjson", tmp_path / "a.parquet"
    line = {"entity": "subjects", "key": "k", "reason": "r"}
    file.write_text(json.dumps(line) + "\n")
    with (
        open_duckdb(tmp_path) as connection,
        pytest.raises(StorageError, match="lacks some of"),
    ):
        write_parquet(connection, "quarantine", [file], target, expected=2)


def test_an_error_of_duckdb_shows_no_rows(tmp_path: Path) -> None:
    file, target = tmp_path / "a.ndjson", tmp_path / "a.parquet"
    file.write_text('{"entity": "Canaryname"\n')
    with open_duckdb(tmp_path) as connection, pytest.raises(StorageError) as raised:
        write_parquet(connection, "quarantine", [file], target, expected=1)
    assert "Canaryname" not in str(raised.value)
    assert str(target) in str(raised.value)


def test_a_landing_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with serve(studio()) as portal:
        with pytest.raises(StorageError, match=r"file/landing.*: Not a directory"):
            load(portal.base_url, tmp_path / "file" / "landing")
        assert portal.seen == []


def test_a_current_that_is_not_a_link_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "current").mkdir()
    with serve(studio()) as portal, pytest.raises(StorageError, match="current"):
        load(portal.base_url, tmp_path)
    assert list((tmp_path / "current").iterdir()) == []


@pytest.mark.parametrize(
    ("limit", "options", "reason"),
    [
        (3_000, [], "disk I/O error"),
        (20_000, ["--max-age-keys", "0", "--max-age-users", "0"], "File too large"),
    ],
    ids=["what is known", "rows"],
)
def test_a_full_disk_is_one_line_and_leaves_the_old_load(
    tmp_path: Path, limit: int, options: list[str], reason: str
) -> None:
    with serve(studio(subjects=100)) as portal:
        folder = project(tmp_path, portal)
        assert extract(folder, "load").returncode == 0
        before = (folder / "landing" / "current").readlink()
        program = (
            "import resource, sys\n"
            "from ops.cli import main\n"
            f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
            f"sys.argv = ['sms', 'extract', 'load', *{options}]\n"
            "main()\n"
        )
        result = subprocess.run(
            [sys.executable, "-c", program],
            cwd=folder,
            env=credentials(),
            capture_output=True,
            text=True,
            check=False,
        )
    assert result.returncode == 30
    assert result.stderr.count("\n") == 1
    assert reason in result.stderr
    assert (folder / "landing" / "current").readlink() == before
    assert len(list((folder / "landing" / "loads").iterdir())) == 1
    assert [one.name for one in (folder / "landing" / ".staging").iterdir()] == ["lock"]


@pytest.mark.parametrize(
    "path",
    [
        "/activities/search",
        "/jobs/j1/users",
        "/users/u1",
        "/jobs/j1/subjects/s2/accesskeys",
    ],
)
def test_a_killed_load_is_invisible_and_swept_by_the_next(
    tmp_path: Path, path: str
) -> None:
    routes = studio()
    reached: list[float] = []

    async def hang(_: web.BaseRequest) -> Any:
        reached.append(time.monotonic())
        await asyncio.sleep(60)

    with serve(routes) as portal:
        folder = project(tmp_path, portal)
        landing = folder / "landing"
        first = load(portal.base_url, landing)
        answer, portal.routes[path] = portal.routes[path], hang
        process = start(folder, "load")
        while not reached:
            assert process.poll() is None
            time.sleep(0.01)
        assert len(list((landing / ".staging").iterdir())) == 2
        portal.routes[path] = answer
        # A load that lives is not swept by another.
        second = load(portal.base_url, landing)
        assert len(list((landing / ".staging").iterdir())) == 2
        kill(process)
        names = {first["load_id"], second["load_id"]}
        assert {one.name for one in (landing / "loads").iterdir()} == names
        assert (landing / "current").readlink().name == second["load_id"]
        third = load(portal.base_url, landing)
        assert [one.name for one in (landing / ".staging").iterdir()] == ["lock"]
        assert (landing / "current").readlink().name == third["load_id"]


def test_concurrent_loads_are_all_complete(tmp_path: Path) -> None:
    with serve(studio(), latency=0.01) as portal:
        facts: list[dict[str, Any]] = []
        folder = project(tmp_path, portal)
        processes = [start(folder, "load") for _ in range(3)]
        for process in processes:
            out, _ = process.communicate(timeout=60)
            facts.append(json.loads(out.splitlines()[-1]))
    loads = list_loads(folder / "landing")
    assert len(loads) == 3
    assert [one["current"] for one in loads] == [True, False, False]
    assert {one["load_id"] for one in loads} == {one["load_id"] for one in facts}

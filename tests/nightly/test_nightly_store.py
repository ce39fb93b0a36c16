"""Loads kept in a bucket: what is pushed, pulled, refused and reused."""

import json
import stat
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from string import Template
from typing import Any

import pytest
from botocore.exceptions import ClientError

from common.errors import ConfigError, StorageError
from extract.landing import SCHEMA
from ops.nightly import machines
from ops.nightly.machines import only_machine
from ops.nightly.store import fetch, open_store, pull, pull_one, push
from publish.s3_bucket import Bucket
from publish.s3_writing import put
from tests.e2e.project import Project, read_json
from tests.nightly.nights import new_night_project, record
from tests.storage.server import BUCKET, Server

POLICY = Path(__file__).parents[2] / "deploy" / "iam" / "landing.json"
LOADS = [f"2025010{day}T000000000000Z-0123abcd" for day in range(1, 6)]


@pytest.fixture
def store(s3_server: Server) -> Bucket:
    """An empty store."""
    return store_at(s3_server, s3_server.new_root())


def store_at(server: Server, root: str) -> Bucket:
    """Return the store at a root, for a user with the project's policy."""
    prefix = root.removeprefix(f"s3://{BUCKET}/")
    policy = Template(POLICY.read_text()).substitute(bucket=BUCKET, prefix=prefix)
    client = server.client(server.new_user(policy))
    return Bucket(BUCKET, f"{prefix}/", (), client)


def make_load(
    landing: Path, load_id: str, *portals: str, **more: Any
) -> Mapping[str, bytes]:
    """Land a load of placeholder files; return its content."""
    folder = landing / "loads" / load_id
    for portal in portals:
        (folder / f"portal={portal}").mkdir(parents=True)
        for entity in SCHEMA:
            path = folder / f"portal={portal}" / f"{entity}.parquet"
            path.write_text(f"{load_id} {portal} {entity}" * 1000)
    facts = {
        "load_id": load_id,
        "extracted_at": "2025-01-01T00:00:00.000000Z",
        "portals": {portal: {} for portal in portals},
        **more,
    }
    (folder / "load.json").write_text(json.dumps(facts))
    return files(landing, load_id)


def files(landing: Path, load_id: str) -> Mapping[str, bytes]:
    """Return the content of a load."""
    folder = landing / "loads" / load_id
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_what_is_pushed_is_pulled_byte_for_byte_for_the_owner_alone(
    store: Bucket, tmp_path: Path
) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    made = make_load(there, LOADS[0], "north", "south")
    push(store, there / "loads" / LOADS[0])
    assert pull(store, here) == [LOADS[0]]
    assert files(here, LOADS[0]) == made
    assert pull(store, here) == [LOADS[0]]
    assert {path.name for path in here.iterdir()} == {"loads", ".staging"}
    for path in (here / "loads").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_pulled_is_the_newest_load_that_had_all_of_a_portal(
    store: Bucket, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    make_load(there, LOADS[0], "north", "south")
    make_load(there, LOADS[1], "north", "south")
    make_load(there, LOADS[2], "north")
    make_load(there, LOADS[3], "north", "south", only_jobs=1)
    make_load(there, LOADS[4], "north", "south", shrunk={"north": {}})
    for load_id in LOADS:
        push(store, there / "loads" / load_id)
    assert pull(store, tmp_path / "here") == [LOADS[2], LOADS[1]]


def test_one_load_is_pulled_by_its_id(store: Bucket, tmp_path: Path) -> None:
    made = make_load(tmp_path / "there", LOADS[0], "north")
    make_load(tmp_path / "there", LOADS[1], "north")
    for load_id in LOADS[:2]:
        push(store, tmp_path / "there" / "loads" / load_id)
    pull_one(store, tmp_path / "here", LOADS[0])
    assert files(tmp_path / "here", LOADS[0]) == made
    assert [path.name for path in (tmp_path / "here" / "loads").iterdir()] == LOADS[:1]
    with pytest.raises(ConfigError, match=f"there is no load {LOADS[2]} in "):
        pull_one(store, tmp_path / "here", LOADS[2])


def test_one_machine_at_a_time_has_a_night(store: Bucket) -> None:
    with only_machine(store, "one", "one", breaks_lock=False) as one:
        with (
            pytest.raises(StorageError, match="another night is in progress on "),
            only_machine(store, "two", "two", breaks_lock=False),
        ):
            pytest.fail("two nights at once")
        one.check()
    # It was given back, which needs no right to delete.
    with only_machine(store, "three", "three", breaks_lock=False) as three:
        three.check()
        with pytest.raises(StorageError, match="another night has begun meanwhile"):
            one.check()


def test_a_lock_is_broken_by_its_age_or_by_hand(
    store: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as killed:
        first = killed.enter_context(only_machine(store, "1", "1", breaks_lock=False))
        second = killed.enter_context(only_machine(store, "2", "2", breaks_lock=True))
        with pytest.raises(StorageError, match="another night has begun meanwhile"):
            first.check()
        first.release()  # It is not its to give back.
        second.check()
        monkeypatch.setattr(machines, "LONGEST", timedelta(0))
        third = killed.enter_context(only_machine(store, "3", "3", breaks_lock=False))
        third.check()
    with only_machine(store, "4", "4", breaks_lock=False):
        pass


def test_a_killed_night_does_not_block_the_next_one_in_its_folder(
    store: Bucket,
) -> None:
    with ExitStack() as killed:
        killed.enter_context(only_machine(store, "1", "folder", breaks_lock=False))
        with (
            pytest.raises(StorageError, match="another night is in progress"),
            only_machine(store, "2", "another", breaks_lock=False),
        ):
            pass
        with only_machine(store, "3", "folder", breaks_lock=False) as next_one:
            next_one.check()


def test_a_malformed_lock_is_not_taken_by_itself(
    store: Bucket, s3_server: Server
) -> None:
    key = f"{store.prefix}{machines.KEY}"
    s3_server.client().put_object(Bucket=BUCKET, Key=key, Body=b'{"began_at": 1}')
    with (
        pytest.raises(StorageError, match="is malformed; --break-lock replaces it"),
        only_machine(store, "1", "1", breaks_lock=False),
    ):
        pass
    with only_machine(store, "1", "1", breaks_lock=True):
        pass


def test_a_load_with_a_missing_part_does_not_count(
    store: Bucket, s3_server: Server, tmp_path: Path
) -> None:
    for load_id in LOADS[:3]:
        make_load(tmp_path / "there", load_id, "north")
        push(store, tmp_path / "there" / "loads" / load_id)
    admin = s3_server.client()
    for gone in (f"{LOADS[2]}/load.json", f"{LOADS[1]}/portal=north/users.parquet"):
        admin.delete_object(Bucket=BUCKET, Key=f"{store.prefix}loads/{gone}")
    assert pull(store, tmp_path / "here") == [LOADS[0]]


def test_other_files_in_the_store_are_left_alone(
    store: Bucket, s3_server: Server, tmp_path: Path
) -> None:
    make_load(tmp_path / "there", LOADS[0], "north")
    push(store, tmp_path / "there" / "loads" / LOADS[0])
    for key in ("portal=a/x.parquet", "portal=.a/users.parquet", "a/b/load.json"):
        s3_server.client().put_object(
            Bucket=BUCKET, Key=f"{store.prefix}loads/{LOADS[0]}/{key}", Body=b"text"
        )
    made = files(tmp_path / "there", LOADS[0])
    pull(store, tmp_path / "here")
    assert files(tmp_path / "here", LOADS[0]) == made


def test_a_load_that_was_pushed_in_part_is_completed(
    store: Bucket, s3_server: Server, tmp_path: Path
) -> None:
    made = make_load(tmp_path / "there", LOADS[0], "north")
    push(store, tmp_path / "there" / "loads" / LOADS[0])
    for name in ("load.json", "portal=north/users.parquet"):
        key = f"{store.prefix}loads/{LOADS[0]}/{name}"
        s3_server.client().delete_object(Bucket=BUCKET, Key=key)
    push(store, tmp_path / "there" / "loads" / LOADS[0])
    assert pull(store, tmp_path / "here") == [LOADS[0]]
    assert files(tmp_path / "here", LOADS[0]) == made


def test_nothing_is_written_over(store: Bucket, tmp_path: Path) -> None:
    load = tmp_path / "there" / "loads" / LOADS[0]
    make_load(tmp_path / "there", LOADS[0], "north")
    push(store, load)
    (load / "portal=north" / "users.parquet").write_text("another")
    with pytest.raises(StorageError, match=r"users\.parquet: another file is already"):
        push(store, load)


def test_a_damaged_file_is_refused_and_no_load_appears(
    store: Bucket, s3_server: Server, tmp_path: Path
) -> None:
    make_load(tmp_path / "there", LOADS[0], "north")
    push(store, tmp_path / "there" / "loads" / LOADS[0])
    key = f"{store.prefix}loads/{LOADS[0]}/portal=north/users.parquet"
    admin = s3_server.client()
    metadata = admin.head_object(Bucket=BUCKET, Key=key)["Metadata"]
    admin.put_object(Bucket=BUCKET, Key=key, Body=b"text", Metadata=metadata)
    with pytest.raises(StorageError, match=r"users\.parquet: is damaged"):
        pull(store, tmp_path / "here")
    assert not list((tmp_path / "here" / "loads").iterdir())


def test_a_bucket_that_refuses_is_one_clear_line(
    s3_server: Server, tmp_path: Path
) -> None:
    store = store_at(s3_server, s3_server.new_root())
    elsewhere = replace(store, prefix="another/")
    with pytest.raises(StorageError, match=r"another/loads: .* is denied$"):
        pull(elsewhere, tmp_path / "here")


def test_the_policy_deletes_nothing_and_writes_loads_alone(store: Bucket) -> None:
    client, prefix = store.client, store.prefix
    load = f"{prefix}loads/{LOADS[0]}/load.json"
    client.put_object(Bucket=BUCKET, Key=load, Body=b"text")
    with pytest.raises(ClientError, match="AccessDenied"):
        client.delete_object(Bucket=BUCKET, Key=load)
    with pytest.raises(ClientError, match="AccessDenied"):
        client.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
    with pytest.raises(ClientError, match="AccessDenied"):
        client.put_object(Bucket=BUCKET, Key=f"{prefix}suppressions.csv", Body=b"text")


def test_the_suppression_list_is_fetched(
    s3_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    root = s3_server.new_root()
    target, setting = tmp_path / "list.csv", "SUPPRESSIONS_CSV"
    with pytest.raises(StorageError, match="there is no such file"):
        fetch(f"{root}/suppressions.csv", target, setting)
    put(open_store(root, setting), "suppressions.csv", b"channel", "", "")
    fetch(f"{root}/suppressions.csv", target, setting)
    assert target.read_bytes() == b"channel"


@pytest.mark.slow
def test_a_night_on_a_new_machine_asks_for_no_key_again(
    s3_server: Server, tmp_path: Path
) -> None:
    root = s3_server.new_root()
    asked = []
    for machine in ("one", "two"):
        project = new_night_project(tmp_path / machine)
        project = project.with_environment(
            LANDING_STORE=root, **s3_server.environment()
        )
        # Other tests cover the steps after the load.
        (project.folder / "dbt_project.yml").unlink()
        project.run("sms", "nightly", "plan", "--sandbox", status=2)
        asked.append(loaded(project)["asked"]["access_keys"])
    carried = loaded(project)["carried"]["access_keys"]
    assert carried > 200
    # Subjects without a key are requested again.
    assert asked[1] == asked[0] - carried


@pytest.mark.slow
def test_a_load_stays_on_its_machine_or_is_taken_from_the_store(
    s3_server: Server, tmp_path: Path
) -> None:
    root = s3_server.new_root()
    prefix = root.removeprefix(f"s3://{BUCKET}/")
    one, two = (
        new_night_project(tmp_path / machine).with_environment(
            LANDING_STORE=root, **s3_server.environment()
        )
        for machine in ("one", "two")
    )
    for project in (one, two):
        # Other tests cover the steps after the load.
        (project.folder / "dbt_project.yml").unlink()
    admin = s3_server.client()
    one.run("sms", "nightly", "plan", "--sandbox", "--no-push", status=2)
    assert "Contents" not in admin.list_objects_v2(Bucket=BUCKET, Prefix=prefix)

    one.run("sms", "nightly", "plan", "--sandbox", status=2)
    held = admin.get_object(Bucket=BUCKET, Key=f"{prefix}/{machines.KEY}")["Body"]
    assert "ended_at" in json.loads(held.read())

    load_id = (one.landing / "current").readlink().name
    two.run("sms", "nightly", "plan", "--load", load_id, status=2)
    steps = [(step["name"], step["exit_code"]) for step in record(two)["steps"]]
    assert steps == [("take the load", 0), ("build", 2)]
    assert files(two.landing, load_id) == files(one.landing, load_id)
    assert not (two.landing / "current").exists()


def loaded(project: Project) -> dict[str, Any]:
    """Return the facts of the portal in the current load."""
    facts: dict[str, Any] = read_json(project.landing / "current" / "load.json")
    portal: dict[str, Any] = facts["portals"]["north"]
    return portal

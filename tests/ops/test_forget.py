"""`sms forget`: a person is in no file afterwards, and what stays is right."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from common.errors import StorageError
from common.locks import hold, locked
from extract.landing import SCHEMA
from ops.forget import landing as erasing
from ops.forget.person import Person, read_person

SMS = Path(sys.executable).with_name("sms")
PHONE = "+12025550101"
EMAIL = "canary@example.test"
REGIONS = ("GB", "NO", "US")
LOADS = [f"2025020{day}T000000000000Z-aaaaaaaa" for day in (1, 2)]
RUNS = [f"2025020{day}T000000000000Z-bbbbbbbb" for day in (1, 2, 3)]
OTHER = {"name": "Other", "email_address": "o@x.test", "mobile_phone": "202 555 0102"}
CANARY = {"name": "Canary", "email_address": EMAIL, "mobile_phone": "202-555-0101"}
ROWS: dict[str, list[dict[str, Any]]] = {
    "activities": [{"activity_uuid": "a", "job_uuid": "j"}],
    "jobs": [{"job_uuid": "j", "is_gone": False, "payload": '{"tel":2025550101}'}],
    "subjects": [
        {
            "job_uuid": "j",
            "subject_uuid": "s1",
            "listed_in": "buyers",
            "first_name": "Sample",
            "parent_name": "Canary",
            "delivery_1": CANARY,
            "delivery_2": OTHER,
            "phone_number": "(202) 555 0101",
            "phone_number_2": "2025550103",
            "email": "o@x.test",
            "payload": r'{"a": {"b": "Call \u002b1 202.555.0101 after 5"}}',
        },
        {
            "job_uuid": "j",
            "subject_uuid": "s2",
            "listed_in": "buyers",
            "delivery_1": OTHER,
            "payload": '{"id": "sibling of s1"}',
        },
    ],
    "registrations": [
        {"job_uuid": "j", "subject_uuid": "s1", "user_uuid": "u1"},
        {"job_uuid": "j", "subject_uuid": "s2", "user_uuid": "u2", "email": "b@x.test"},
    ],
    "users": [
        {"user_uuid": "u1", "phone_number": "001 202 5550101", "is_gone": False},
        {"user_uuid": "u2", "email_address": "b@x.test", "is_gone": False},
    ],
    "access_keys": [
        {"job_uuid": "j", "subject_uuid": s, "access_keys": [f"K{s}"]}
        for s in ("s1", "s2")
    ],
}


def make_load(landing: Path, load_id: str) -> None:
    folder = landing / "loads" / load_id
    files = folder / "portal=p"
    files.mkdir(parents=True)
    with duckdb.connect() as engine:
        for entity, columns in SCHEMA.items():
            kinds = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
            engine.execute(f"create table {entity} ({kinds})")
            for row in ROWS.get(entity, []):
                names = ", ".join(row)
                marks = ", ".join("?" * len(row))
                engine.execute(
                    f"insert into {entity} ({names}) values ({marks})", [*row.values()]
                )
            engine.execute(f"copy {entity} to '{files / entity}.parquet'")
    rows = {entity: len(ROWS.get(entity, [])) for entity in SCHEMA}
    facts = {
        "load_id": load_id,
        "extracted_at": "2025-02-01T00:00:00.000000Z",
        "portals": {"p": {"rows": rows}},
        "rows": rows,
    }
    (folder / "load.json").write_text(json.dumps(facts))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with loads, a database, a night's leftovers and runs."""
    for load_id in LOADS:
        make_load(tmp_path / "landing", load_id)
    (tmp_path / "landing" / "current").symlink_to(f"loads/{LOADS[1]}")
    for name in ("x.duckdb", "x.duckdb.wal", "x.plan.duckdb", ".nightly/built.duckdb"):
        put(tmp_path / name, PHONE)
    put(tmp_path / ".nightly" / "summary.md", "kept")
    put(tmp_path / "target" / "review" / "head" / "build.duckdb", PHONE)
    put(tmp_path / "landing" / ".staging" / LOADS[1] / "wanted.json", PHONE)
    runs = tmp_path / "exports" / "runs"
    put(runs / RUNS[0] / "p" / "buyers.csv", f"phone_number\n{PHONE}\n")
    put(runs / RUNS[1] / "p" / "buyers.csv", "phone_number\n+12025550102\n")
    put(runs / RUNS[1] / "suppressions.csv", f"sms,{PHONE},\n")
    put(tmp_path / "exports" / ".staging" / RUNS[2] / "p" / "buyers.csv", PHONE)
    put(tmp_path / "exports" / ".latest" / RUNS[0] / "p" / "buyers.csv", PHONE)
    put(
        tmp_path / "seeds" / "portals.csv",
        "portal,base_url,brand,region,country,consent_basis\n"
        + "".join(
            f"p{n},https://p{n}.example,B,{region},C,webshop\n"
            for n, region in enumerate(REGIONS)
        ),
    )
    for name, value in (
        ("LANDING_DIR", "landing"),
        ("DUCKDB_PATH", "x.duckdb"),
        ("EXPORT_ROOT", "exports"),
        ("LANDING_STORE", ""),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def forget(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SMS, "forget", *arguments], capture_output=True, text=True, check=False
    )


def rows(load_id: str, entity: str) -> list[dict[str, Any]]:
    path = f"landing/loads/{load_id}/portal=p/{entity}.parquet"
    with duckdb.connect() as engine:
        found = engine.execute(f"from read_parquet('{path}', hive_partitioning=false)")
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def everything(folder: Path) -> str:
    """Return all text below a folder; Parquet's columns are read."""
    texts = []
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".parquet" or path.name.endswith(".parquet.new"):
            with duckdb.connect() as engine:
                texts.append(str(engine.execute(f"from '{path}'").fetchall()))
        elif path.is_file() and path.name not in ("suppressions.csv", "lock"):
            texts.append(path.read_bytes().decode(errors="replace"))
    return "\n".join(texts)


def is_gone(place: Path) -> bool:
    text = everything(place)
    return not any(
        written in text
        for written in (PHONE, "2025550101", "202-555-0101", "555 0101", "5550101")
    )


def counts_are_true() -> bool:
    for load_id in LOADS:
        facts = json.loads(Path(f"landing/loads/{load_id}/load.json").read_text())
        found = {entity: len(rows(load_id, entity)) for entity in SCHEMA}
        if not found == facts["rows"] == facts["portals"]["p"]["rows"]:
            return False
    return True


def test_a_phone_is_in_no_file_afterwards(place: Path) -> None:
    done = forget("--phone", PHONE, "--json")
    assert done.returncode == 0, done.stderr
    assert is_gone(place)
    assert counts_are_true()
    assert PHONE[-10:] not in done.stdout + done.stderr
    assert json.loads(done.stdout)["erased"] == {
        "databases and their files removed": 5,
        "interrupted loads removed": 1,
        "jobs cleared": 2,
        "loads changed": 2,
        "registrations removed": 2,
        "runs removed": 1,
        "subjects cleared": 2,
        "users removed": 2,
    }
    assert [path.name for path in (place / "exports/runs").iterdir()] == [RUNS[1]]
    assert (place / ".nightly" / "summary.md").exists()
    for path in (place / "landing").rglob("*.parquet"):
        assert path.name == "activities.parquet" or path.stat().st_size
    changed = place / "landing" / "loads" / LOADS[0] / "portal=p" / "users.parquet"
    assert changed.stat().st_mode & 0o777 == 0o600


def test_the_child_and_the_other_parent_stay(place: Path) -> None:
    assert forget("--phone", PHONE).returncode == 0
    first, second = rows(LOADS[1], "subjects")
    assert first["subject_uuid"] == "s1"
    assert first["first_name"] == "Sample"
    assert first["delivery_2"] == OTHER
    assert (first["phone_number_2"], first["email"]) == ("2025550103", "o@x.test")
    for name in ("delivery_1", "phone_number", "payload", "parent_name"):
        assert first[name] is None
    assert second["delivery_1"] == OTHER
    assert second["payload"] == '{"id": "sibling of s1"}'
    assert [row["user_uuid"] for row in rows(LOADS[1], "users")] == ["u2"]
    assert len(rows(LOADS[1], "access_keys")) == 2
    with duckdb.connect() as engine:
        path = f"landing/loads/{LOADS[1]}/portal=p/subjects.parquet"
        found = engine.execute(
            f"describe from read_parquet('{path}', hive_partitioning=false)"
        ).fetchall()
    kinds = {name: kind.replace('"', "") for name, kind, *_ in found}
    zoned = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}
    assert {n: zoned.get(k, k) for n, k in kinds.items()} == SCHEMA["subjects"]


def test_an_email_is_erased_with_its_parent(place: Path) -> None:
    assert forget("--email", " Canary@Example.test ").returncode == 0
    assert EMAIL not in everything(place / "landing")
    first, _ = rows(LOADS[0], "subjects")
    assert first["delivery_1"] is None
    assert first["phone_number"] == "(202) 555 0101"


def test_a_subject_goes_with_its_rows_and_its_own_user(place: Path) -> None:
    done = forget("--subject", "s1")
    assert done.returncode == 0, done.stderr
    assert [row["subject_uuid"] for row in rows(LOADS[0], "subjects")] == ["s2"]
    assert [row["user_uuid"] for row in rows(LOADS[0], "users")] == ["u2"]
    for entity in ("registrations", "access_keys"):
        assert [row["subject_uuid"] for row in rows(LOADS[0], entity)] == ["s2"]
    assert rows(LOADS[0], "subjects")[0]["payload"] is None
    assert counts_are_true()


def test_a_dry_run_changes_nothing(place: Path) -> None:
    before = everything(place)
    done = forget("--phone", PHONE, "--dry-run")
    assert done.returncode == 0
    assert "Would erase +1********01" in done.stdout
    assert "sms suppressions add" in done.stdout
    assert everything(place) == before


def test_who_is_nowhere_changes_no_load(place: Path) -> None:
    before = everything(place / "landing" / "loads")
    done = forget("--phone", "+12025550199")
    assert done.returncode == 0
    assert everything(place / "landing" / "loads") == before


def test_a_promoted_run_stays_and_is_said(place: Path) -> None:
    promoted = {
        "run_id": RUNS[0],
        "manifest": f"runs/{RUNS[0]}/manifest.json",
        "manifest_sha256": "0" * 64,
        "promoted_at": "2025-02-02T00:00:00.000000Z",
    }
    put(place / "exports" / "current.json", json.dumps(promoted))
    done = forget("--phone", PHONE)
    assert done.returncode == 10
    assert RUNS[0] in done.stderr
    assert PHONE not in done.stdout + done.stderr
    assert (place / "exports" / "runs" / RUNS[0] / "p" / "buyers.csv").exists()


def test_a_bucket_of_loads_is_said(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del place
    monkeypatch.setenv("LANDING_STORE", "s3://loads/x")
    assert "Not covered: the loads in LANDING_STORE" in forget("--email", EMAIL).stdout


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--phone", "2025550101"),
        ("--phone", "+1"),
        ("--email", "canary"),
        ("--subject", " "),
        ("--phone", PHONE, "--email", EMAIL),
    ],
)
def test_bad_input_is_one_line(place: Path, arguments: tuple[str, ...]) -> None:
    del place
    done = forget(*arguments)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "2025550101" not in done.stderr


def test_a_load_that_is_read_is_one_line(place: Path) -> None:
    descriptor = hold(place / "landing" / "loads" / LOADS[0])
    assert descriptor is not None
    done = forget("--phone", PHONE)
    os.close(descriptor)
    assert (done.returncode, done.stderr.count("\n")) == (30, 1)
    assert "a build or a load reads it" in done.stderr
    assert forget("--phone", PHONE).returncode == 0
    assert is_gone(place)


def test_a_load_in_progress_is_one_line(place: Path) -> None:
    with locked(place / "landing" / ".staging" / LOADS[1] / "lock"):
        done = forget("--phone", PHONE)
    assert (done.returncode, done.stderr.count("\n")) == (30, 1)


@pytest.mark.parametrize("lock", [".nightly/lock", "target/review.lock"])
def test_a_night_or_a_review_in_progress_is_one_line(place: Path, lock: str) -> None:
    with locked(place / lock):
        done = forget("--phone", PHONE)
    assert (done.returncode, done.stderr.count("\n")) == (30, 1)
    assert (place / "x.duckdb").exists()


def test_a_folder_that_cannot_be_written_is_one_line(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied", str(self), None, str(target))

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(StorageError) as error:
        erasing.forget_loads(
            place / "landing", read_person(PHONE, None, None), Counter(), dry_run=False
        )
    assert "\n" not in str(error.value)


KILLED = """
import os, signal, sys
from pathlib import Path
count = int(sys.argv.pop(1))
def counting(function):
    def call(*arguments, **options):
        global count
        count -= 1
        if count < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return call
for name in ("rename", "unlink"):
    setattr(Path, name, counting(getattr(Path, name)))
from ops.cli import main
main()
"""


@pytest.mark.parametrize("moment", range(0, 14, 2))
def test_the_next_run_finishes_what_a_killed_one_began(
    place: Path, moment: int
) -> None:
    project = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(moment), "forget", "--phone", PHONE],
        env={**os.environ, "PYTHONPATH": str(project)},
        check=False,
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL
    again = forget("--phone", PHONE)
    assert again.returncode == 0, again.stderr
    assert is_gone(place)
    assert counts_are_true()
    assert not list((place / "landing" / "loads").rglob("*.new"))


def test_two_at_once_erase_the_person(place: Path) -> None:
    command = [str(SMS), "forget", "--phone", PHONE]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    errors = [process.communicate()[1] for process in both]
    assert 0 in [process.returncode for process in both]
    assert all(error.count(b"\n") <= 1 for error in errors)
    assert is_gone(place)
    assert counts_are_true()


@pytest.mark.parametrize(
    ("text", "is_named"),
    [
        ("202-555-0101", True),
        ("+1 (202) 555-0101", True),
        ("12025550101.0", True),
        ("\u0662\u0660\u0662 555 0101", True),
        ("202-555-0101 ext. 5", True),
        ("mother 2025550101, father 2025550102", True),
        ('{"a": [1, {"2025550101": null}]}', True),
        (r'{"a": "{\"b\": \"202\u002d555\u002d0101\"}"}', True),
        ('{"a": "202-555-0101", "a": ""}', True),
        ("202-555-01012", False),
        ("+44 20 2555 0101", False),
        ("2025550102", False),
        ("", False),
    ],
)
def test_how_a_phone_is_recognized(text: str, is_named: bool) -> None:
    assert Person("sms", PHONE, REGIONS).is_in(text) is is_named


@pytest.mark.parametrize(
    ("text", "is_named"),
    [
        ("<CANARY@example.TEST>", True),
        ("mailto:canary%40example.test?x", True),
        ('{"a": "canary\\u0040example.test"}', True),
        ("a.canary@example.test", False),
        ("canary@example.test.org", False),
    ],
)
def test_how_an_email_is_recognized(text: str, is_named: bool) -> None:
    assert Person("email", EMAIL).is_in(text) is is_named

"""People who said stop are in no promoted run, whatever is promoted and when."""

import json
import shutil
import signal
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from common.errors import ConfigError, ContractError
from publish import promotion, refreshing
from publish.promotion import verify
from publish.root import Root
from publish.run import export_begin
from publish.suppressions.ledger import read_ledger
from tests.publish.killing import killer
from tests.publish.people import (
    ACTIVITY,
    JOB,
    PORTAL,
    Person,
    build_people,
    promoted,
    read_text,
    rows_of,
    subjects,
)
from tests.publish.publishing import RUN_A, RUN_B, RUN_C, assert_manifest_holds, publish
from tests.roots import KINDS, use_root
from tests.storage.server import Server
from tests.suppressions.writing import HEADER, A, B, C, add, listed, row

NOON = "2025-01-05T12:00:00Z"
LATER = "2025-01-06T00:00:00Z"
EMAIL = "kim@example.com"


@pytest.fixture(params=KINDS)
def root(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Root:
    """Point EXPORT_ROOT to an empty root of either kind."""
    return use_root(request, tmp_path, monkeypatch, request.param)


@pytest.fixture
def folder(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Root:
    """Point EXPORT_ROOT to an empty folder."""
    return use_root(request, tmp_path, monkeypatch, "folder")


def test_a_new_run_with_a_later_stop_is_refused(root: Root, tmp_path: Path) -> None:
    add(root, tmp_path, row(A, NOON), row(B, NOON))
    people = [Person("s1", A), Person("s2", A, B), Person("s3", C)]
    with pytest.raises(ContractError, match="2 rows, 2 phones") as error:
        build_people(RUN_A, people)
    assert f"sms publish promote {RUN_A} --leave-out-suppressed" in str(error.value)
    assert A not in str(error.value)
    assert root.current().content is None


def test_the_way_back_is_refused_and_no_option_passes_it(
    root: Root, tmp_path: Path
) -> None:
    build_people(RUN_A, [Person("s1", A), Person("s2", B)])
    add(root, tmp_path, row(A, NOON))
    build_people(RUN_B, [Person("s2", B)], decided={("sms", A): NOON})
    for option in ((), ("--accept-change",)):
        done = publish("promote", RUN_A, *option)
        assert done.returncode == 10
        assert "1 row, 1 phone" in done.stderr
    assert promoted(root)["run_id"] == RUN_B


@pytest.mark.parametrize(
    "person",
    [
        Person("s1", phone=A),
        Person("s1", phone_2=A),
        Person("s1", email=EMAIL),
        Person("s1", email_2=EMAIL),
        Person("s1", user_email=EMAIL),
    ],
)
@pytest.mark.parametrize("formats", [("csv",), ("json",), ("csv", "json")])
def test_any_phone_or_e_mail_column_counts(
    folder: Root, tmp_path: Path, person: Person, formats: tuple[str, ...]
) -> None:
    add(folder, tmp_path, row(A, NOON), row(EMAIL, NOON, channel="email"))
    with pytest.raises(ContractError, match="1 row,"):
        build_people(RUN_A, [person, Person("s2", B)], formats=formats)


def test_text_that_looks_like_an_address_does_not_count(
    folder: Root, tmp_path: Path
) -> None:
    add(folder, tmp_path, row(A, NOON))
    build_people(RUN_A, [Person("s1", B, name=A)])
    assert subjects(folder) == ["s1"]


@pytest.mark.parametrize(
    ("decided", "passes"),
    [
        ({}, False),
        ({("sms", A): "2025-01-05T11:59:59Z"}, False),
        ({("email", A): LATER}, False),
        ({("sms", A): NOON}, True),
        ({("sms", A): LATER}, True),
    ],
)
def test_only_entries_that_the_run_was_not_decided_by_count(
    folder: Root, tmp_path: Path, decided: dict[tuple[str, str], str], passes: bool
) -> None:
    add(folder, tmp_path, row(A, NOON))
    assert _promotes([Person("s1", A)], decided=decided) == passes


@pytest.mark.parametrize(
    ("person", "passes"),
    [
        (Person("s1", A, grant=LATER), True),
        (Person("s1", A, grant=NOON), False),
        (Person("s1", A, grant=LATER, dated_by="starting"), False),
        (Person("s1", A, grant=LATER, basis="webshop"), False),
        (Person("s1", A, grant="later"), False),
        (Person("s1", A, B, grant=LATER), False),
    ],
)
def test_a_later_explicit_grant_of_its_own_time_lifts(
    folder: Root, tmp_path: Path, person: Person, passes: bool
) -> None:
    add(folder, tmp_path, row(A, NOON), row(B, "2025-01-07T00:00:00Z"))
    assert _promotes([person]) == passes


def test_nothing_lifts_without_evidence(folder: Root, tmp_path: Path) -> None:
    add(folder, tmp_path, row(A, NOON))
    assert not _promotes([Person("s1", A, grant=LATER)], is_old=True)


def _promotes(people: list[Person], **more: Any) -> bool:
    try:
        build_people(RUN_A, people, **more)
    except ContractError as error:
        assert "said stop" in str(error)
        return False
    return True


def test_promote_and_refresh_record_the_current_list_first(
    root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_people(RUN_A, [Person("s1", A), Person("s2", B)])
    build_people(RUN_B, [Person("s1", A), Person("s2", B)])
    listing = listed(tmp_path, HEADER + row(A, NOON))
    monkeypatch.setenv("SUPPRESSIONS_CSV", str(listing))
    assert publish("promote", RUN_A).returncode == 10
    assert subjects(root) == ["s1", "s2"]
    assert publish("refresh").returncode == 0
    assert subjects(root) == ["s2"]
    listing.write_text(HEADER + row(B, NOON) + row("5550126", NOON))
    assert publish("refresh").returncode == 2
    assert publish("refresh", "--allow-unreadable", "1").returncode == 0
    assert subjects(root) == []


def test_a_list_that_grew_during_a_build_stops_its_promotion(
    root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = listed(tmp_path, HEADER + row(A, NOON) + row("5550126", NOON))
    monkeypatch.setenv("SUPPRESSIONS_CSV", str(listing))
    with pytest.raises(ConfigError, match="1 of 2 lines cannot be read"):
        build_people(RUN_A, [Person("s2", B)])
    with pytest.raises(ContractError, match="1 row, 1 phone"):
        build_people(RUN_B, [Person("s1", A)], variables={"allow_unreadable": 1})
    assert root.current().content is None
    build_people(RUN_C, [Person("s2", B)], variables={"allow_unreadable": 1})
    assert subjects(root) == ["s2"]
    assert {entry.source for entry in read_ledger(root).entries} == {"list"}


def test_a_segment_that_a_run_names_must_be_there(root: Root, tmp_path: Path) -> None:
    add(root, tmp_path, row(A, NOON))
    facts = asdict(read_ledger(root).facts())
    missing = facts | {"segments": [*facts["segments"], "lost.csv"]}
    build_people(RUN_A, [Person("s2", B)], suppressions=facts)
    build_people(RUN_B, [Person("s2", B)], suppressions=missing, promote=False)
    for options in ([], ["--leave-out-suppressed"]):
        done = publish("promote", RUN_B, *options)
        assert done.returncode == 10
        assert "suppressions/lost.csv: is missing" in done.stderr
    assert promoted(root)["run_id"] == RUN_A


def test_a_list_in_a_bucket_is_recorded(
    s3_server: Server, folder: Root, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = s3_server.new_root()
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    text = (HEADER + row(A, NOON)).encode()
    s3_server.client().put_object(Bucket=bucket, Key=f"{prefix}/list.csv", Body=text)
    build_people(RUN_A, [Person("s1", A), Person("s2", B)])
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SUPPRESSIONS_CSV", f"{place}/list.csv")
    assert publish("refresh").returncode == 0
    assert subjects(folder) == ["s2"]
    text += row("5550126", NOON).encode()
    s3_server.client().put_object(Bucket=bucket, Key=f"{prefix}/list.csv", Body=text)
    assert f"{place}/list.csv: 1 of 2 lines cannot" in publish("refresh").stderr
    monkeypatch.setenv("SUPPRESSIONS_CSV", f"{place}/lost.csv")
    assert publish("refresh").returncode == 2


def test_leaving_out_promotes_a_copy_without_those_rows(
    root: Root, tmp_path: Path
) -> None:
    people = [Person("s1", A), Person("s2", B, name='#1, "Kim"'), Person("s3", C)]
    held = {"s0": "duplicate", "s25": "suppressed"}
    both = ("csv", "json")
    build_people(RUN_A, people, held=held, formats=both)
    build_people(RUN_B, people, held=held, formats=both)
    add(root, tmp_path, row(A, NOON), row(C, NOON))
    done = publish("promote", RUN_A, "--leave-out-suppressed")
    assert (done.returncode, done.stderr) == (0, "")
    copy = promoted(root)["run_id"]
    assert done.stdout == (
        f"run {copy}: promoted. It is run {RUN_A} without the 2 rows (2 phones) of "
        "people who said stop\n"
    )
    assert verify(root, copy) == []
    manifest = json.loads(read_text(root, f"runs/{copy}/manifest.json"))
    assert manifest["derived_from"] == RUN_A
    assert manifest["counts"] == [
        {
            "portal": PORTAL,
            "audience": "buyers",
            "candidates": 5,
            "exported": 1,
            "excluded": {"duplicate": 1, "suppressed": 3},
        }
    ]
    before = read_text(root, f"runs/{RUN_A}/{PORTAL}/buyers.csv").splitlines()
    after = read_text(root, f"runs/{copy}/{PORTAL}/buyers.csv").splitlines()
    assert after == [before[0], before[2]]
    whole = json.loads(read_text(root, f"runs/{RUN_A}/{PORTAL}/buyers.json"))
    whole["contacts"] = [whole["contacts"][1]]
    whole["metadata"] |= {"contacts": 1, "excluded": {"duplicate": 1, "suppressed": 3}}
    text = json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
    assert read_text(root, f"latest/{PORTAL}/buyers.json") == text
    excluded = read_text(root, f"runs/{copy}/exclusions.csv").splitlines()
    assert excluded[1:] == [
        f"{PORTAL},{JOB},{ACTIVITY},s0,Yes,duplicate",
        f"{PORTAL},{JOB},{ACTIVITY},s1,Yes,suppressed",
        f"{PORTAL},{JOB},{ACTIVITY},s25,Yes,suppressed",
        f"{PORTAL},{JOB},{ACTIVITY},s3,Yes,suppressed",
    ]
    evidence = rows_of(root, f"runs/{copy}/evidence.csv")
    assert [line["subject_uuid"] for line in evidence] == ["s2"]
    table = f"channel,address,suppressed_at\nsms,{A},{NOON}\nsms,{C},{NOON}\n"
    assert read_text(root, f"runs/{copy}/suppressions.csv") == table
    assert manifest["suppressions"] == {
        "segments": list(read_ledger(root).segments),
        "entries": 2,
        "suppressed": {"sms": 2, "email": 0},
        "digest": sha256(table.encode()).hexdigest(),
        "matched": None,
        "listed": None,
    }


def test_leaving_out_nobody_promotes_the_run_itself(root: Root) -> None:
    build_people(RUN_A, [Person("s1", A)])
    build_people(RUN_B, [Person("s1", A)])
    assert publish("promote", RUN_A, "--leave-out-suppressed").returncode == 0
    assert promoted(root)["run_id"] == RUN_A


@pytest.mark.parametrize("formats", [("csv",), ("json",)])
def test_a_run_without_evidence_is_copied_too(
    folder: Root, tmp_path: Path, formats: tuple[str, ...]
) -> None:
    people = [Person("s1", A), Person("s2", B)]
    build_people(RUN_A, people, is_old=True, formats=formats)
    add(folder, tmp_path, row(A, NOON))
    assert publish("refresh").returncode == 0
    copy = promoted(folder)["run_id"]
    assert verify(folder, copy) == []
    assert A not in read_text(folder, f"runs/{copy}/{PORTAL}/buyers.{formats[0]}")
    assert publish("refresh").stdout.endswith("has said stop since\n")


def test_refresh_needs_no_consent_however_many_leave(
    root: Root, tmp_path: Path
) -> None:
    phones = [f"+1206555{number:04}" for number in range(100, 200)]
    people = [Person(f"s{phone}", phone) for phone in phones]
    build_people(RUN_A, people)
    nothing = publish("refresh")
    assert (nothing.returncode, nothing.stdout) == (
        0,
        f"run {RUN_A}: nothing to do: no one in it has said stop since\n",
    )
    add(root, tmp_path, *(row(phone, NOON) for phone in phones[1:]))
    done = publish("refresh")
    assert (done.returncode, done.stderr) == (0, "")
    assert subjects(root) == [f"s{phones[0]}"]
    # Nor does the way back, without them, to a run that was promoted before.
    build_people(RUN_B, people[:1], variables={"max_change": False})
    assert publish("promote", RUN_A, "--leave-out-suppressed").returncode == 0
    assert subjects(root) == [f"s{phones[0]}"]


def test_a_copy_shows_the_report_of_its_source_and_says_so(
    root: Root, tmp_path: Path
) -> None:
    build_people(RUN_A, [Person("s1", A), Person("s2", B), Person("s3", C)])
    page = tmp_path / "page"
    page.write_text("page")
    root.add(f"runs/{RUN_A}/report.html", page, RUN_A, sha256(b"page").hexdigest())
    for phone in (A, B):
        add(root, tmp_path, row(phone, NOON))
        assert publish("refresh").returncode == 0
    copy = promoted(root)["run_id"]
    for arguments in ((), (copy,)):
        done = publish("report", *arguments)
        assert done.returncode == 0
        assert done.stdout == root.address(f"runs/{RUN_A}/report.html") + "\n"
        state, page_is_of = done.stderr.splitlines()
        assert state.startswith(f"run {copy}: promoted, derived from ")
        assert page_is_of == (
            f"run {copy}: has no page: this is the page of run {RUN_A}. It still "
            "counts the 2 rows of people who have said stop since; "
            f"`sms publish show {copy}` has the counts without them"
        )
    own = publish("report", RUN_A)
    assert own.stderr == f"run {RUN_A}: replaced by {_copies(root)[0]}\n"


def _copies(root: Root) -> list[str]:
    """Return the runs that are not those of the tests, oldest first."""
    return sorted(set(root.run_ids()) - {RUN_A, RUN_B, RUN_C})


def test_refresh_without_a_promoted_run(folder: Root) -> None:
    assert publish("refresh").returncode == 10
    assert folder.run_ids() == []


def test_a_stop_during_a_promotion_is_left_out_at_once(
    root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = type(root).move_current

    def stop_and_move(self: Root, content: bytes, run_id: str, over: str) -> None:
        add(self, tmp_path, row(A, NOON))
        move(self, content, run_id, over)

    monkeypatch.setattr(type(root), "move_current", stop_and_move)
    build_people(RUN_A, [Person("s1", A), Person("s2", B)])
    assert subjects(root) == ["s2"]
    assert promoted(root)["run_id"] != RUN_A


def test_a_stop_that_cannot_be_left_out_at_once_is_told(
    folder: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_people(RUN_A, [Person("s1", A)], promote=False)
    promote = promotion.promote

    def promote_and_stop(*arguments: Any, **more: Any) -> bool:
        moved = promote(*arguments, **more)
        add(folder, tmp_path, row(A, NOON))
        path = Path(folder.address(f"runs/{RUN_A}/exclusions.csv"))
        path.write_text(path.read_text() + "x\n")
        return moved

    monkeypatch.setattr(promotion, "promote", promote_and_stop)
    done = publish("promote", RUN_A)
    assert done.returncode == 10
    assert "is promoted, but people who said stop meanwhile" in done.stderr
    assert "`sms publish refresh`" in done.stderr


@pytest.mark.parametrize("call", ["refresh", "leave out"])
def test_leaving_out_killed_at_any_step_is_whole(
    tmp_path: Path, folder: Root, call: str
) -> None:
    place, whole = Path(folder.address()), tmp_path / "whole"
    build_people(RUN_A, [Person("s1", A), Person("s2", B)])
    if call == "leave out":
        build_people(RUN_B, [Person("s2", B)])
    add(folder, tmp_path, row(A, NOON))
    place.rename(whole)
    seen, status = set(), -1
    with killer() as start:
        for step in range(1, 1000):
            shutil.copytree(whole, place, symlinks=True)
            status = start(step, call, folder.address(), RUN_A)
            assert status in (0, -signal.SIGKILL)
            run_id = promoted(folder)["run_id"]
            seen.add(run_id in (RUN_A, RUN_B))
            assert_manifest_holds(place, promoted(folder))
            export_begin()
            assert verify(folder, promoted(folder)["run_id"]) == []
            assert not list((place / ".staging").iterdir())
            refreshing.refresh(folder)
            assert subjects(folder) == ["s2"]
            shutil.rmtree(place)
            if status == 0:
                break
    assert status == 0
    assert seen == {True, False}

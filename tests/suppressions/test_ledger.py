"""What the ledger of a root promises, in a folder and in a bucket."""

import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from common.errors import ConfigError, ContractError, UnknownPersonError
from common.files import PRIVATE_FILE, PRIVATE_FOLDER
from common.retention import Rule
from publish.pruning import prune
from publish.root import Root
from publish.suppressions import ledger
from publish.suppressions.ledger import read_ledger, record, withdraw
from tests.suppressions.writing import (
    HEADER,
    SEGMENT,
    A,
    B,
    C,
    add,
    add_phones,
    listed,
    plant,
    row,
    segments,
)

if TYPE_CHECKING:
    from publish.local import LocalRoot

NOON = "2025-01-31T12:00:00Z"
LATER = "2025-02-28T12:00:00Z"
RECORDED = "2025-06-01T00:00:00Z"
STOP_ROW = f"sms,{A},stop,{NOON},STOP,list,{RECORDED}\n"


def phones(root: Root) -> dict[str, str]:
    """Who is suppressed, of the portals' own country."""
    found = read_ledger(root).suppressed
    return {phone: at for (_, phone), at in found.items() if phone.startswith("+1")}


def test_a_root_without_a_ledger_suppresses_nobody(root: Root) -> None:
    assert read_ledger(root) == ledger.Ledger((), ())


def test_a_list_is_recorded_in_a_segment(root: Root, tmp_path: Path) -> None:
    before = datetime.now(UTC)
    done = add(root, tmp_path, row(A, NOON), row("a@b.co", NOON, channel="email"))
    (name, content), *others = segments(root).items()
    assert not others
    assert content is not None
    lines = content.decode().splitlines(keepends=True)
    assert lines[0] == SEGMENT
    recorded_at = lines[1].rstrip().split(",")[-1]
    assert lines[1:] == [
        f"sms,{A},stop,{NOON},STOP,csv list.csv,{recorded_at}\n",
        f"email,a@b.co,stop,{NOON},STOP,csv list.csv,{recorded_at}\n",
    ]
    assert f"{before:%Y%m%dT%H%M%S%f}" < name < f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    assert done.ledger == read_ledger(root)
    assert (done.added, done.known) == (2, 0)


def test_a_segment_is_never_changed_and_the_same_list_adds_none(
    root: Root, tmp_path: Path
) -> None:
    add(root, tmp_path, row(A, NOON))
    before = segments(root)
    assert add(root, tmp_path, row(A, NOON), name="other.csv").added == 0
    assert segments(root) == before
    assert add(root, tmp_path, row(A, NOON), row(B, NOON)).added == 1
    after = segments(root)
    assert before.items() < after.items()
    assert next(iter(after)) in before


def test_an_address_that_the_list_has_lost_stays(root: Root, tmp_path: Path) -> None:
    add(root, tmp_path, row(A, NOON), row(B, NOON))
    add(root, tmp_path)
    assert phones(root) == {A: NOON, B: NOON}


def test_a_list_without_times_adds_nothing_the_next_night(
    root: Root, tmp_path: Path
) -> None:
    add_phones(root, tmp_path, A, B)
    before = segments(root)
    assert add_phones(root, tmp_path, A, B).added == 0
    assert segments(root) == before
    assert set(phones(root)) == {A, B}


def test_a_list_without_times_undoes_no_withdrawal(root: Root, tmp_path: Path) -> None:
    add_phones(root, tmp_path, A, B)
    withdraw(root, "wrong", address=("sms", A))
    assert add_phones(root, tmp_path, A, B).added == 0
    assert set(phones(root)) == {B}
    assert add_phones(root, tmp_path, A, name="other").added == 1
    assert set(phones(root)) == {A, B}


def test_a_start_lifts_and_a_later_stop_counts_again(
    root: Root, tmp_path: Path
) -> None:
    add(root, tmp_path, row(A, LATER, "start"), row(A, NOON), row(B, NOON))
    assert phones(root) == {B: NOON}
    add(root, tmp_path, row(A, "2025-03-01"))
    assert phones(root) == {A: "2025-03-01T23:59:59Z", B: NOON}


@pytest.mark.parametrize(
    ("named", "left"),
    [
        ({"address": ("sms", A)}, {B: NOON}),
        ({"address": ("sms", A), "at": LATER}, {A: NOON, B: NOON}),
        ({"address": ("sms", A), "at": NOON}, {A: LATER, B: NOON}),
        ({"source": "csv other.csv"}, {A: NOON}),
    ],
)
def test_a_withdrawal_takes_back_what_it_names_alone(
    root: Root, tmp_path: Path, named: dict[str, object], left: dict[str, str]
) -> None:
    add(root, tmp_path, row(A, NOON))
    add(root, tmp_path, row(A, LATER), row(B, NOON), name="other.csv")
    before = segments(root)
    withdraw(root, "wrong", **named)  # type: ignore[arg-type]
    assert phones(root) == left
    assert before.items() < segments(root).items()
    with pytest.raises(UnknownPersonError):
        withdraw(root, "wrong", **named)  # type: ignore[arg-type]
    earlier = add(root, tmp_path, row(A, "2025-01-01"), name="other.csv")
    assert earlier.added == 1
    assert A in phones(root)


def test_a_stop_in_the_future_can_be_taken_back(root: Root, tmp_path: Path) -> None:
    add(root, tmp_path, row(A, "2999-01-01T00:00:00Z"))
    withdraw(root, "a slip", address=("sms", A))
    assert phones(root) == {}


def test_readable_lines_are_recorded_before_an_unreadable_one_stops(
    root: Root, tmp_path: Path
) -> None:
    rows = row("5550126", NOON), row(A, NOON), row("1.20656E+10", NOON)
    with pytest.raises(ConfigError) as error:
        add(root, tmp_path, *rows)
    assert "2 of 3 lines" in str(error.value)
    assert "line 2: its phone" in str(error.value)
    assert "line 4: a spreadsheet" in str(error.value)
    assert "5550126" not in str(error.value)
    assert phones(root) == {A: NOON}
    path = listed(tmp_path, HEADER + "".join(rows))
    with pytest.raises(ConfigError):
        record(root, path, allow_unreadable=1)
    assert len(record(root, path, allow_unreadable=2).listing.unreadable) == 2


def test_more_entries_than_a_segment_takes_go_to_several(
    root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "MOST_ENTRIES", 2)
    done = add(root, tmp_path, *(row(p, NOON) for p in (A, B, C)))
    assert len(segments(root)) == 2
    assert done.ledger.segments == read_ledger(root).segments
    assert set(phones(root)) == {A, B, C}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it has been cut"),
        (SEGMENT.replace("at,", ""), "header"),
        (SEGMENT + STOP_ROW.rstrip(), "cut"),
        (SEGMENT + STOP_ROW[5:], "number of fields"),
        (SEGMENT + STOP_ROW.replace("sms", "fax"), "address"),
        (SEGMENT + STOP_ROW.replace(A, "12065550100.0"), "address"),
        (SEGMENT + STOP_ROW.replace("sms", "email"), "address"),
        (SEGMENT + STOP_ROW.replace("stop", "pause"), "action"),
        (SEGMENT + STOP_ROW.replace(NOON, "2025-01-31"), "time"),
        (SEGMENT + STOP_ROW.replace(RECORDED, ""), "time"),
        (SEGMENT + STOP_ROW.replace(",STOP", ',"STOP'), "not a whole segment"),
        (
            SEGMENT
            + STOP_ROW.replace("stop", "start").replace(NOON, "2025-06-02T00:00:00Z"),
            "start or withdrawal from after",
        ),
        (
            SEGMENT
            + STOP_ROW.replace("stop", "withdraw")
            .replace("list", f"stop {NOON}")
            .replace(f"withdraw,{NOON}", "withdraw,2025-06-02T00:00:00Z"),
            "start or withdrawal from after",
        ),
        (SEGMENT + STOP_ROW.replace("stop", "withdraw"), "withdrawal of nothing"),
    ],
)
def test_an_unreadable_segment_is_a_contract_error(
    root: Root, text: str, reason: str
) -> None:
    plant(root, SEGMENT + STOP_ROW)
    name = plant(root, text)
    with pytest.raises(ContractError, match=reason) as error:
        read_ledger(root)
    assert f"suppressions/{name}" in str(error.value)
    assert error.value.exit_code == 10
    assert "555" not in str(error.value)


def test_a_segment_that_was_changed_is_found(root: Root, tmp_path: Path) -> None:
    add(root, tmp_path, row(A, NOON), row(B, NOON))
    (name, content), *_ = segments(root).items()
    assert content is not None
    # As if copied from another root after its last line was lost.
    cut = b"".join(content.splitlines(keepends=True)[:-1]).decode()
    other = name.replace(name[:4], "2020")
    plant(root, cut, other)
    with pytest.raises(ContractError, match=f"{other}.*not what was written"):
        read_ledger(root)


def test_a_file_that_is_no_segment_is_found(root: Root) -> None:
    plant(root, SEGMENT + STOP_ROW, "old.csv.bak")
    with pytest.raises(ContractError, match=r"does not end with \.csv"):
        read_ledger(root)


def test_a_segment_that_a_manifest_names_must_be_there(root: Root) -> None:
    name = plant(root, SEGMENT + STOP_ROW)
    assert read_ledger(root, [name]).segments == (name,)
    with pytest.raises(ContractError, match=r"suppressions/gone\.csv: is missing"):
        read_ledger(root, [name, "gone.csv"])


def test_many_segments_are_restated_in_one_and_all_are_kept(
    root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "MOST_LOOSE", 3)
    numbers = [f"+1206555011{number}" for number in range(5)]
    for phone in numbers:
        done = add(root, tmp_path, row(phone, NOON))
    withdraw(root, "wrong", address=("sms", numbers[0]))
    files = segments(root)
    plain = [name for name in files if not name.startswith("compacted/")]
    assert (len(plain), len(files)) == (6, 8)
    found = read_ledger(root)
    assert found.segments == tuple(plain)
    assert len(found.entries) == len(set(found.entries)) == 6
    assert done.ledger.segments == tuple(plain[:5])
    assert set(phones(root)) == set(numbers[1:])
    # What is restated is not read again.
    read: list[str] = []
    take = type(root).read

    def noted(place: Root, key: str) -> bytes | None:
        read.append(key)
        return take(place, key)

    monkeypatch.setattr(type(root), "read", noted)
    # As a new process, which has read nothing yet.
    ledger._last_read.clear()
    assert read_ledger(root) == found
    assert sorted(read) == [f"suppressions/{n}" for n in files if "compacted/" in n]
    assert read_ledger(root) is read_ledger(root)
    assert len(read) == 2


def test_a_segment_that_a_compacted_one_restates_must_be_there(root: Root) -> None:
    name = plant(root, SEGMENT + STOP_ROW)
    text = f"segment,{SEGMENT}{name},{STOP_ROW}gone.csv,{STOP_ROW}"
    plant(root, text, "compacted/a.csv")
    with pytest.raises(ContractError, match=r"suppressions/gone\.csv: is missing"):
        read_ledger(root)


def test_names_of_segments_say_nothing_about_the_order(root: Root) -> None:
    plant(root, SEGMENT + STOP_ROW, "b.csv")
    start = STOP_ROW.replace("stop", "start").replace(NOON, LATER)
    plant(root, SEGMENT + start, "a.csv")
    assert phones(root) == {}


def test_text_of_a_list_comes_back_as_it_was(root: Root, tmp_path: Path) -> None:
    reason = 'a, "b"\r\nc\x00\u2028é;'
    quoted = reason.replace('"', '""')
    add(root, tmp_path, f'sms,{A},{NOON},"{quoted}",\n', name='o\'Neil, "x".csv')
    (entry,) = read_ledger(root).entries
    assert (entry.reason, entry.source) == (reason, 'csv o\'Neil, "x".csv')


def test_prune_leaves_the_ledger(root: Root, tmp_path: Path) -> None:
    add(root, tmp_path, row(A, NOON))
    before = segments(root)
    list(prune(root, Rule(0, 0), datetime.now(UTC), dry_run=False))
    assert segments(root) == before


def test_two_recorders_at_once_lose_nothing(root: Root, tmp_path: Path) -> None:
    numbers = range(6)

    def one(number: int) -> None:
        add(root, tmp_path, row(f"+1206555010{number}", NOON), name=f"{number}.csv")
        add_phones(root, tmp_path, C, name=f"phones {number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, numbers))
    expected = {f"+1206555010{number}" for number in numbers}
    assert set(phones(root)) == expected | {C}


def test_the_same_segment_by_two_processes_at_once_is_written_once(
    root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On two machines no lock holds; here both see the ledger as it was before."""
    before = read_ledger(root)
    monkeypatch.setattr(ledger, "read_ledger", lambda *_: before)
    monkeypatch.setattr(ledger, "datetime", _Frozen)
    for _ in range(2):
        assert add(root, tmp_path, row(A, NOON)).added == 1
    assert len(segments(root)) == 1


class _Frozen(datetime):
    @classmethod
    def now(cls, tz: object = None) -> "_Frozen":
        del tz
        return cls(2026, 1, 1, tzinfo=UTC)


def test_files_are_for_their_owner_alone(folder: "LocalRoot", tmp_path: Path) -> None:
    add(folder, tmp_path, row(A, NOON))
    paths = list(folder.folder.rglob("*"))
    assert {p.name for p in paths if p.is_dir()} == {".staging", "suppressions"} & {
        p.name for p in paths
    }
    for path in paths:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (PRIVATE_FOLDER if path.is_dir() else PRIVATE_FILE), path


def test_a_full_disk_loses_no_segment_and_leaves_none_in_part(
    root: Root, tmp_path: Path
) -> None:
    add(root, tmp_path, row(A, NOON))
    before = segments(root)
    path = listed(tmp_path, HEADER + row(B, NOON))
    code = (
        "import resource, sys; from pathlib import Path;"
        "from publish.settings import export_root;"
        "from publish.suppressions.ledger import record;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60, 60));"
        "record(export_root(), Path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("File too large")
    assert "StorageError" in done.stderr
    assert segments(root) == before
    assert not (root.staging / "suppressions").exists()
    assert record(root, path).added == 1
    assert set(phones(root)) == {A, B}

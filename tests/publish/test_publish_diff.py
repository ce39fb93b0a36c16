"""`sms publish diff`: what came, went and changed between two runs, in counts alone."""

import csv
import io
import json
import random
import re
import tracemalloc
from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from common.errors import ContractError
from publish.comparing import Comparison, all_phones, came_and_went, compare
from publish.contacts import Table
from publish.differences import AudienceDifference, Difference, diff, exceeds
from publish.local import LocalRoot
from publish.manifest import About
from publish.run import export_begin, export_finish
from tests.publish.publishing import (
    RUN_A,
    RUN_B,
    RUN_C,
    facts,
    publish,
    write_file,
    write_files,
)

PHONES = ("phone_number", "phone_number_2")

COLUMNS = ("job_uuid", "phone_number", "activity_uuid", "first_name", "subject_uuid")


def table(*rows: tuple[str, str, str, str, str], name: str = "a.csv") -> Table:
    """Rows of job, activity, subject, phone and name."""
    listed = [(job, phone, act, first, sub) for job, act, sub, phone, first in rows]
    return Table(name, COLUMNS, listed)


def phone(number: int) -> str:
    """A fictional phone number."""
    return f"+13125550{number:03}"


def counts(comparison: Comparison) -> tuple[int, int, int]:
    """Rows that came, went and changed."""
    return comparison.came, comparison.went, comparison.changed


def test_rows_are_told_by_job_activity_and_subject() -> None:
    before = table(
        ("j1", "", "s1", phone(100), "Ann"),
        ("j1", "a1", "s1", phone(100), "Ann"),
        ("j1", "a1", "s2", phone(101), "Ben"),
        ("j2", "a1", "s1", phone(102), "Cam"),
    )
    after = table(
        ("j1", "a1", "s1", phone(103), "Anne"),
        ("j1", "a2", "s2", phone(101), "Ben"),
        ("j2", "a1", "s1", phone(102), "Cam"),
    )
    comparison = compare(before, after)
    assert counts(comparison) == (1, 2, 1)
    assert comparison.columns == {"phone_number": 1, "first_name": 1}
    phones = comparison.phones_before, comparison.phones_after
    assert came_and_went(*phones) == (1, 1)


def test_the_same_rows_are_no_difference() -> None:
    rows = [("j", "a", f"s{n}", phone(100), "Ann") for n in range(5)]
    comparison = compare(table(*rows), table(*rows))
    assert counts(comparison) == (0, 0, 0)
    assert comparison.columns == {}
    assert list(comparison.phones_before) == [13125550100]


def test_either_side_may_be_empty() -> None:
    rows = [("j", "a", f"s{n}", "", "Ann") for n in range(5)]
    assert counts(compare(table(), table(*rows))) == (5, 0, 0)
    assert counts(compare(table(*rows), table())) == (0, 5, 0)
    assert counts(compare(table(), table())) == (0, 0, 0)


def test_a_column_of_one_side_alone_changes_no_row() -> None:
    before = table(("j", "a", "s", phone(100), "Ann"))
    columns = ("subject_uuid", "activity_uuid", "job_uuid", "phone_number", "new")
    after = Table("b.csv", columns, [("s", "a", "j", phone(100), "x")])
    assert counts(compare(before, after)) == (0, 0, 0)


def test_against_plain_dictionaries() -> None:
    rng = random.Random(4)
    keys = list(product(["j1", "j2"], ["", "a"], [f"s{n}" for n in range(9)]))
    for _ in range(200):
        sides = []
        for _ in "ab":
            chosen = sorted(rng.sample(keys, rng.randrange(len(keys))))
            values = [(phone(rng.randrange(100, 104)), rng.choice("xy")) for _ in keys]
            sides.append(dict(zip(chosen, values, strict=False)))
        before, after = sides
        comparison = compare(*(table(*_rows(side)) for side in sides))
        both = before.keys() & after.keys()
        assert counts(comparison) == (
            len(after.keys() - before.keys()),
            len(before.keys() - after.keys()),
            sum(before[key] != after[key] for key in both),
        )
        assert comparison.columns.get("first_name", 0) == sum(
            before[key][1] != after[key][1] for key in both
        )
        phones = [{value[0] for value in side.values()} for side in sides]
        assert came_and_went(comparison.phones_before, comparison.phones_after) == (
            len(phones[1] - phones[0]),
            len(phones[0] - phones[1]),
        )


def _rows(
    side: dict[tuple[str, str, str], tuple[str, str]],
) -> list[tuple[str, str, str, str, str]]:
    return [(*key, *value) for key, value in side.items()]


def test_phones_of_several_audiences_are_counted_once() -> None:
    first = compare(table(), table(("j", "a", "s", phone(100), "Ann")))
    second = compare(table(("j", "a", "t", phone(100), "Ben")), table())
    assert came_and_went(*all_phones([first])) == (1, 0)
    assert came_and_went(*all_phones([first, second])) == (0, 0)
    assert came_and_went(*all_phones([])) == (0, 0)


@pytest.mark.parametrize(
    "subjects", [("s2", "s1"), ("s1", "s1")], ids=["unsorted", "twice"]
)
def test_rows_that_are_not_sorted_are_refused(subjects: Sequence[str]) -> None:
    wrong = table(*(("j", "a", s, "", "Ann") for s in subjects), name="x/buyers.csv")
    for before, after in ((wrong, table()), (table(), wrong)):
        with pytest.raises(
            ContractError, match=r"^x/buyers\.csv: record 2 is not sorted"
        ):
            compare(before, after)


@pytest.mark.parametrize("text", ["13125550100", "+1 312", "+", "+1" * 16, "+٣", "+-1"])
def test_a_phone_that_is_none_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ContractError) as raised:
        compare(table(("j", "a", "s", text, "Ann"), name="x.csv"), table())
    assert str(raised.value) == "x.csv: record 1: phone_number is not an E.164 number"


@pytest.mark.parametrize("column", ["job_uuid", "subject_uuid", "phone_number"])
def test_a_table_without_a_needed_column_is_refused(column: str) -> None:
    columns = [name for name in COLUMNS if name != column]
    with pytest.raises(ContractError, match=f"^x.csv: has no column {column}$"):
        compare(table(), Table("x.csv", columns, []))


def test_memory_stays_flat() -> None:
    rows = 20_000

    def generated(name: str) -> Table:
        listed = (
            ("j", phone(100 + n % 90), "a", f"{n}{'x' * 1000}", f"{n:06}")
            for n in range(rows)
        )
        return Table(name, COLUMNS, listed)

    tracemalloc.start()
    comparison = compare(generated("a.csv"), generated("b.csv"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert counts(comparison) == (0, 0, 0)
    assert peak < 2_000_000


type Contacts = dict[str, list[dict[str, str]]]


def contact(subject: str, number: int, **more: str) -> dict[str, str]:
    """A row of an audience, with as many columns as these tests need."""
    row = {"portal": "north", "job_uuid": "j", "activity_uuid": "a"}
    return {**row, "subject_uuid": subject, "phone_number": phone(number), **more}


def as_csv(contacts: list[dict[str, str]]) -> str:
    """The file of an audience, its formulas guarded."""
    text = io.StringIO()
    columns = list(contacts[0] if contacts else contact("", 100, group=""))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in contacts:
        guarded = {
            name: value if name in PHONES or value[:1] not in "=+-@" else f"'{value}"
            for name, value in row.items()
            if value
        }
        writer.writerow(guarded)
    return text.getvalue()


def as_json(contacts: list[dict[str, str]]) -> str:
    """The same as JSON."""
    metadata = {"contacts": len(contacts)}
    return json.dumps({"contacts": contacts, "metadata": metadata})


def build(
    run_id: str, files: Contacts, formats: Sequence[str] = ("csv",), **more: Any
) -> None:
    """Finish a run with these rows in `PORTAL/AUDIENCE`, without promoting it."""
    export_begin()
    given = facts(run_id, promote=False, **more)
    given["files"] = [{"path": "exclusions.csv", "format": "csv", "rows": 0}]
    given["counts"] = []
    write_file(run_id, "exclusions.csv", "portal\n", 0)
    for name, contacts in files.items():
        portal, audience = name.split("/")
        rows = len(contacts)
        count = {"portal": portal, "audience": audience, "excluded": {}}
        given["counts"].append({**count, "candidates": rows, "exported": rows})
        for file_format in formats:
            text = as_json(contacts) if file_format == "json" else as_csv(contacts)
            path = f"{name}.{file_format}"
            write_file(run_id, path, text, rows)
            given["files"].append(
                {"path": path, "format": file_format, "rows": rows}
                | {"portal": portal, "audience": audience}
            )
    export_finish(json.dumps(given))


BEFORE: Contacts = {
    "north/buyers": [contact("s1", 100, group="3B"), contact("s2", 101, group="=1")],
    "north/non_buyers": [contact("s3", 102, group="3B")],
    "south/buyers": [],
}
AFTER: Contacts = {
    "north/buyers": [contact("s1", 100, group="3C"), contact("s3", 102, group="=1")],
    "north/non_buyers": [],
    "west/buyers": [contact("s9", 103, group="")],
}


def test_diff_counts_by_portal_and_audience(root: Path) -> None:
    build(RUN_A, BEFORE, load_id="load-1", variables={"dedup_by": "phone"})
    build(RUN_B, AFTER, load_id="load-2", variables={"max_change": 0.5})
    done = publish("diff", RUN_A, RUN_B)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"Before: run {RUN_A}\n"
        f"After:  run {RUN_B}\n"
        "\n"
        "load_id: load-1 -> load-2\n"
        'variable dedup_by: "phone" -> -\n'
        "variable max_change: - -> 0.5\n"
        "\n"
        "PORTAL  AUDIENCE    BEFORE  AFTER  CAME  WENT  CHANGED  PHONES_CAME  "
        "PHONES_WENT\n"
        "north   buyers           2      2     1     1        1            1  "
        "          1\n"
        "north   non_buyers       1      0     0     1        0            0  "
        "          1\n"
        "south   buyers           0      -     0     0        0            0  "
        "          0\n"
        "west    buyers           -      1     1     0        0            1  "
        "          0\n"
        "all     all              3      3     2     2        1            1  "
        "          1\n"
        "\n"
        "PORTAL  AUDIENCE  COLUMN  CHANGED\n"
        "north   buyers    group         1\n"
    )


def test_a_difference_can_fail_a_gate(root: Path) -> None:
    build(RUN_A, BEFORE)
    build(RUN_B, AFTER)
    shown = publish("diff", RUN_A, RUN_B).stdout
    for gate in (["--exit-code"], ["--max-change", "99.9"]):
        done = publish("diff", *gate, RUN_A, RUN_B)
        assert (done.returncode, done.stdout, done.stderr) == (1, shown, "")
        assert publish("diff", *gate, RUN_A, RUN_A).returncode == 0
    wrong = publish("diff", "--max-change", "many", RUN_A, RUN_B)
    assert wrong.returncode == 2


def test_diff_as_json(root: Path) -> None:
    build(RUN_A, BEFORE)
    build(RUN_B, AFTER)
    done = publish("diff", "--json", RUN_A, RUN_B)
    said = json.loads(done.stdout)
    assert list(said) == ["before", "after", "audiences", "total"]
    assert said["before"]["run_id"] == RUN_A
    assert list(said["after"]) == [
        *("run_id", "load_id", "as_of", "code_version", "variables"),
        "derived_from",
    ]
    first = {
        "portal": "north",
        "audience": "buyers",
        "rows_before": 2,
        "rows_after": 2,
        "came": 1,
        "went": 1,
        "changed": 1,
        "columns_changed": {"group": 1},
        "phones_came": 1,
        "phones_went": 1,
    }
    assert said["audiences"][0] == first
    assert [a["rows_after"] for a in said["audiences"]] == [2, 0, None, 1]
    assert said["total"]["columns_changed"] == {"group": 1}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["json"], ["json"]),
        (["csv"], ["json"]),
        (["json"], ["csv"]),
        (["csv", "json"], ["json"]),
        (["json", "csv"], ["csv", "json"]),
    ],
)
def test_formats_do_not_matter(
    root: Path, before: Sequence[str], after: Sequence[str]
) -> None:
    build(RUN_A, BEFORE)
    build(RUN_B, AFTER)
    expected = diff(LocalRoot(root), RUN_A, RUN_B)
    first, second = RUN_A.replace("2025", "2026"), RUN_B.replace("2025", "2026")
    build(first, BEFORE, before)
    build(second, AFTER, after)
    other = diff(LocalRoot(root), first, second)
    assert (other.audiences, other.total) == (expected.audiences, expected.total)


def test_a_formula_is_the_same_in_either_format(root: Path) -> None:
    formulas = [f"{sign}1" for sign in "=+-@"]
    columns = ("external_id", "phone_number_2", "access_code", "url")
    rows = [
        contact(f"s{number}", 100, **dict.fromkeys(columns, formula))
        for number, formula in enumerate(formulas)
    ]
    build(RUN_A, {"north/buyers": rows})
    build(RUN_B, {"north/buyers": rows}, ["json"])
    total = diff(LocalRoot(root), RUN_A, RUN_B).total
    assert (total.rows_after, total.came, total.went, total.changed) == (4, 0, 0, 0)


def test_promoted_stands_for_the_promoted_run(root: Path) -> None:
    build(RUN_A, BEFORE)
    build(RUN_B, AFTER)
    done = publish("diff", "promoted", RUN_B)
    assert (done.returncode, done.stdout) == (10, "")
    assert "no run is promoted" in done.stderr
    publish("promote", RUN_A)
    done = publish("diff", "promoted", RUN_B)
    assert done.stdout == publish("diff", RUN_A, RUN_B).stdout
    same = publish("diff", "promoted", RUN_A).stdout
    assert "Load, as_of, code version and variables are the same." in same


def test_runs_without_an_audience(root: Path) -> None:
    build(RUN_A, {})
    done = publish("diff", RUN_A, RUN_A)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].split() == ["all", "all", *"0000000"]


def test_a_run_that_is_not_whole_is_not_compared(root: Path) -> None:
    build(RUN_A, BEFORE)
    build(RUN_B, AFTER)
    file = root / "runs" / RUN_B / "north" / "buyers.csv"
    file.write_text(file.read_text().replace("3C", "3D"))
    for arguments in ((RUN_A, RUN_B), (RUN_B, RUN_A)):
        done = publish("diff", *arguments)
        assert (done.returncode, done.stdout) == (10, "")
        assert done.stderr == (
            f"sms: run {RUN_B}: north/buyers.csv: damaged, its sha256 is not the "
            "manifest's\n"
        )
    write_files(RUN_C)
    assert "has no manifest" in publish("diff", RUN_A, RUN_C).stderr


def test_diff_of_a_run_that_is_not_there(root: Path) -> None:
    build(RUN_A, BEFORE)
    for arguments in ((RUN_A, RUN_B), (RUN_A,), (RUN_A, "../x"), ("--csv",)):
        done = publish("diff", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.splitlines()) == 1


def test_nothing_personal_is_said(root: Path) -> None:
    named = {"groups": ["Canary 1", "Canary 2"], "job_uuids": ["j"]}
    others = {"groups": ["Canary 3", "Canary 4"], "job_uuids": ["j"]}
    rows = [contact("s1", 100, first_name="Canary", group="Canary 1")]
    changed = [contact("s1", 101, first_name="Canaria", group="Canary 3")]
    build(RUN_A, {"north/buyers": rows}, variables=named)
    build(RUN_B, {"north/buyers": changed}, ["json"], variables=others)
    for option in ((), ("--json",)):
        said = publish("diff", *option, RUN_A, RUN_B).stdout
        assert "first_name" in said
        assert "2 groups" in said
        assert "2 other groups" in said
        assert not re.search("Canar|55501", said)


@pytest.mark.parametrize(
    ("rows", "percent", "of_values", "is_too_much"),
    [
        ((5, 5, 90), 10, False, False),
        ((5, 6, 0), 10, False, True),
        ((0, 0, 1), 0, False, False),
        ((0, 0, 1), 0, True, True),
        ((0, 1, 0), 0, True, True),
        ((0, 0, 0), 0, True, False),
        ((100, 100, 0), None, False, False),
    ],
)
def test_a_difference_can_be_too_much(
    rows: tuple[int, int, int],
    percent: int | None,
    of_values: bool,
    is_too_much: bool,
) -> None:
    small = AudienceDifference("p", "buyers", 100, 1, *rows, {}, 0, 0)
    large = AudienceDifference("p", "non_buyers", 10_000, 1, 0, 0, 0, {}, 0, 0)
    about = About("run", "load", "as_of", "code", {})
    difference = Difference(about, about, (large, small), large)
    limit = None if percent is None else Fraction(percent)
    assert exceeds(difference, limit, of_values=of_values) == is_too_much


def test_a_new_audience_exceeds_every_limit() -> None:
    new = AudienceDifference("p", "buyers", None, 1, 1, 0, 0, {}, 0, 0)
    about = About("run", "load", "as_of", "code", {})
    difference = Difference(about, about, (new,), new)
    assert exceeds(difference, Fraction(1000), of_values=False)

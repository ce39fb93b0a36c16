"""`publish diff`: what came, went and changed between two runs, in counts alone."""

import random
from collections.abc import Sequence
from itertools import product

import pytest

from publish.comparing import Comparison, Table, all_phones, came_and_went, compare
from publish.errors import ContractError

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
        with pytest.raises(ContractError, match=r"^x/buyers\.csv: record 2 is not aft"):
            compare(before, after)


@pytest.mark.parametrize("text", ["13125550100", "+1 312", "+", "+1" * 16, "+٣", "+-1"])
def test_a_phone_that_is_none_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ContractError) as raised:
        compare(table(("j", "a", "s", text, "Ann"), name="x.csv"), table())
    assert (
        str(raised.value) == "x.csv: record 1: phone_number is not as E.164 writes it"
    )


@pytest.mark.parametrize("column", ["job_uuid", "subject_uuid", "phone_number"])
def test_a_table_without_a_needed_column_is_refused(column: str) -> None:
    columns = [name for name in COLUMNS if name != column]
    with pytest.raises(ContractError, match=f"^x.csv: has no column {column}$"):
        compare(table(), Table("x.csv", columns, []))

"""Comparing an audience's rows of two runs, in little memory. Only counts come out.

Job, activity and subject identify a row, and every export file is sorted by them. So
two files are read side by side, a row at a time, and only the phone numbers stay in
memory, 8 bytes each. DuckDB's full join of two million wide rows takes as long and
needs a gigabyte.
"""

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.errors import ContractError
from publish.contacts import Table

KEY = ("job_uuid", "activity_uuid", "subject_uuid")
PHONE = "phone_number"
MOST_DIGITS = 15

type Values = tuple[str, ...]
type Row = tuple[Values, Values]
type Phones = NDArray[np.int64]


@dataclass(frozen=True)
class Comparison:
    """How many rows came, went and changed, and the distinct phones of either side.

    `columns` counts the changed rows by each column that differs in them. A column
    that only one side has is not compared.
    """

    came: int
    went: int
    changed: int
    columns: dict[str, int]
    phones_before: Phones
    phones_after: Phones


def compare(before: Table, after: Table) -> Comparison:
    """Compare two tables; raise ContractError if one is unsorted or has no key."""
    shared = [column for column in before.columns if column in after.columns]
    phones_before, phones_after = array("q"), array("q")
    rows: Counter[str] = Counter()
    columns: Counter[str] = Counter()
    for old, new in _side_by_side(
        _read(before, shared, phones_before), _read(after, shared, phones_after)
    ):
        rows["came"] += old is None
        rows["went"] += new is None
        if old and new and old != new:
            rows["changed"] += 1
            columns.update(_different(shared, old, new))
    return Comparison(
        rows["came"],
        rows["went"],
        rows["changed"],
        {column: columns[column] for column in shared if columns[column]},
        _distinct(phones_before),
        _distinct(phones_after),
    )


def came_and_went(before: Phones, after: Phones) -> tuple[int, int]:
    """Return how many distinct phones only `after` has, and only `before`."""
    return len(np.setdiff1d(after, before)), len(np.setdiff1d(before, after))


def all_phones(comparisons: Sequence[Comparison]) -> tuple[Phones, Phones]:
    """Return the distinct phones of either side, over several audiences."""
    none = [_distinct(array("q"))]
    return (
        np.unique(np.concatenate(none + [c.phones_before for c in comparisons])),
        np.unique(np.concatenate(none + [c.phones_after for c in comparisons])),
    )


def _read(table: Table, shared: Sequence[str], phones: "array[int]") -> Iterator[Row]:
    """Yield key and shared values of each row, and add its phone to `phones`."""
    key_and_phone_of = table.getter((*KEY, PHONE))
    values_of = table.getter(shared)
    last: Values = ()
    for number, row in enumerate(table.rows, start=1):
        *_, phone = found = key_and_phone_of(row)
        key = found[:-1]
        if key <= last:
            raise ContractError(
                f"{table.name}: record {number} is not sorted by "
                f"{', '.join(KEY)}, or repeats a key"
            )
        if phone:
            phones.append(_digits(phone, f"{table.name}: record {number}"))
        last = key
        yield key, values_of(row)


def _digits(phone: str, where: str) -> int:
    digits = phone.removeprefix("+")
    is_number = digits.isascii() and digits.isdecimal()
    if digits == phone or not is_number or len(digits) > MOST_DIGITS:
        raise ContractError(f"{where}: {PHONE} is not an E.164 number")
    return int(digits)


def _side_by_side(
    before: Iterator[Row], after: Iterator[Row]
) -> Iterator[tuple[Values | None, Values | None]]:
    """Pair the rows of equal keys; a row without a partner is paired with None."""
    old, new = next(before, None), next(after, None)
    while old or new:
        if new is None or (old and old[0] < new[0]):
            yield (old[1] if old else None), None
            old = next(before, None)
        elif old is None or new[0] < old[0]:
            yield None, new[1]
            new = next(after, None)
        else:
            yield old[1], new[1]
            old, new = next(before, None), next(after, None)


def _different(columns: Sequence[str], old: Values, new: Values) -> Iterator[str]:
    for column, was, now in zip(columns, old, new, strict=True):
        if was != now:
            yield column


def _distinct(phones: "array[int]") -> Phones:
    return np.unique(np.array(phones, dtype=np.int64))

"""Counting a file's records by its commas says what csv.reader says."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import ContractError
from publish.rows import count_rows, csv_records

RECORDS = st.text('ab,"\n\r\x00é', max_size=12) | st.sampled_from(
    ['a,b\n"1,\n2",3\n4,5\n', 'a,b\n1,"2""\n3"\n', 'a\n"1\n2"\n3\n\n', 'a,b\n1",2\n']
)


def _outcome(text: str) -> int | str:
    try:
        return count_rows(io.BytesIO(text.encode()), "csv")
    except ContractError as error:
        return str(error)


def _expected(text: str) -> int | str:
    try:
        return sum(1 for _ in csv_records(io.StringIO(text, newline=""))) - 1
    except ContractError as error:
        return str(error)


@given(st.lists(RECORDS, max_size=6).map("".join))
def test_commas_count_as_csv_reader_does(text: str) -> None:
    assert _outcome(text) == _expected(text)


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("a,b\n1,2\n3,4", 2),
        ('a,b\n"1\n,2",3\n4,5\n', 2),
        ('"a\nb",c\n1,2\n', 1),
        ("a,b\n1,2\n3\n", "record 2 is not as long as the header"),
        ("a\n1\n\n", "record 2 is not as long as the header"),
        ('a,b\n1,2\n"3,4\n', "is damaged CSV after record 1"),
        ("", "has no header"),
    ],
)
def test_records_are_counted_or_refused(text: str, outcome: int | str) -> None:
    assert _outcome(text) == outcome

"""Rows are counted from what a file holds, whatever was said of it."""

import io
from pathlib import Path

import pytest

from common.errors import ContractError, StorageError
from publish import rows as reading
from publish.local import LocalRoot
from publish.rows import count_rows, json_contacts
from tests.publish.publishing import json_text


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a,b\n", 0),
        ("a,b\n1,2\n", 1),
        ('a,b\n"1\n1","2""\r\n"\n3,4\n', 2),
        ('a,b\n,\n"",\n', 2),
        ("a,b\n\x00,=1+1\n", 1),
        (f"a,b\n{'x' * 300_000},2\n", 1),
    ],
)
def test_csv_records_are_counted(tmp_path: Path, text: str, rows: int) -> None:
    assert _count(text, "csv") == rows


@pytest.mark.parametrize(
    "text",
    ["", "\n", "a,b\n1\n", "a,b\n1,2,3\n", 'a,b\n1,"2\n', "a,b\n\n1,2\n", 'a\n"1"2\n'],
)
def test_csv_that_is_not_whole_is_refused(text: str) -> None:
    with pytest.raises(ContractError):
        _count(text, "csv")


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
@pytest.mark.parametrize("contacts", [0, 1, 50])
def test_json_contacts_are_counted(
    monkeypatch: pytest.MonkeyPatch, chunk: int, contacts: int
) -> None:
    monkeypatch.setattr(reading, "CHUNK_CHARACTERS", chunk)
    spaced = json_text(contacts).replace(",", " ,\n ").replace("[", "[ \n")
    assert _count(json_text(contacts), "json") == contacts
    assert _count(spaced + "\n", "json") == contacts


@pytest.mark.parametrize("contacts", [0, 1, 3])
def test_json_that_ends_early_is_refused(contacts: int) -> None:
    whole = json_text(contacts)
    for length in range(len(whole)):
        with pytest.raises(ContractError):
            _count(whole[:length], "json")


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"contacts":[]}',
        '{"contacts":[1],"metadata":{"contacts":1}}',
        '{"contacts":[{}],"metadata":{"contacts":2}}',
        '{"contacts":[{}],"metadata":{}}',
        '{"contacts":[{},],"metadata":{"contacts":1}}',
        '{"contacts":[{}{}],"metadata":{"contacts":2}}',
        '{"contacts":[{}],"metadata":[]}',
        '{"contacts":[{}],"metadata":{"contacts":1}}{}',
        '{"contacts":[{}],"metadata":{"contacts":1},"more":1}',
        '{"contacts":[{"a":' + "[" * 100_000 + ']}],"metadata":{"contacts":1}}',
    ],
)
def test_json_of_another_shape_is_refused(text: str) -> None:
    with pytest.raises(ContractError):
        _count(text, "json")


def test_json_without_an_end_is_not_read_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "CHUNK_CHARACTERS", 10)
    monkeypatch.setattr(reading, "VALUE_CHARACTERS", 100)
    file = io.StringIO('{"contacts":[{"a":"' + "x" * 10_000)
    with pytest.raises(ContractError):
        list(json_contacts(file))
    assert file.read()


@pytest.mark.parametrize("file_format", ["csv", "json"])
def test_what_is_not_utf8_is_refused(file_format: str) -> None:
    with pytest.raises(ContractError):
        count_rows(io.BytesIO(b"a\n\xff\n"), file_format)


def test_a_file_that_cannot_be_read_is_a_storage_error(tmp_path: Path) -> None:
    with (
        pytest.raises(StorageError, match="missing"),
        LocalRoot(tmp_path).open("missing"),
    ):
        pass


def _count(text: str, file_format: str) -> int:
    return count_rows(io.BytesIO(text.encode()), file_format)

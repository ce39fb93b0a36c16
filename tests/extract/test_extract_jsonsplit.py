"""A body that is split into its rows has the same content as when it is parsed."""

import json
import mmap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract import jsonsplit
from extract.jsonsplit import split
from extract.jsontext import MalformedError, Members, Refused, dumps, parse

NAMES = st.sampled_from(["data", "results", "job", "subjects", "images", "uuid", "é"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(NAMES | st.text(), inner),
)


def whole(value: object) -> object:
    """Parse all rows that were left in a body."""
    if isinstance(value, Members):
        return value.whole()
    if isinstance(value, dict):
        return {key: whole(one) for key, one in value.items()}
    return value


def found(body: bytes) -> object:
    """Split a body and parse its rows; None if it is not JSON."""
    try:
        return whole(split(body))
    except MalformedError:
        return None


def parsed(body: bytes) -> object:
    """Parse a body; None if it is not JSON."""
    try:
        return parse(body)
    except MalformedError:
        return None


@given(VALUES, st.booleans(), st.sampled_from([None, 3]))
def test_any_json_is_read_as_by_the_whole_parser(
    value: object, ascii_only: bool, indent: Any
) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert found(body.encode(errors="surrogatepass")) == parsed(
        body.encode(errors="surrogatepass")
    )


@given(VALUES, st.data())
def test_damaged_json_is_refused_as_by_the_whole_parser(value: Any, data: Any) -> None:
    body = bytearray(json.dumps({"data": value, "x": 1}).encode())
    at = data.draw(st.integers(0, len(body) - 1))
    assert found(bytes(body[:at])) is None
    body[at] = data.draw(st.sampled_from(b'"\\,:[]{}0 \xff\x00e-'))
    assert found(bytes(body)) == parsed(bytes(body))


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b" ", b"\xef\xbb\xbf", b"<html>", b"[1,]", b"[,1]", b"[1 2]", b"{,}"),
        *(b'{"a":1,}', b'{"a" 1}', b"{1:2}", b'{"data":[1}', b'{"data":[1]', b"[] []"),
        *(b'{"data":[tru]}', b'{"subjects":{"a":}}', b'{"data":[1]}x', b'["\xff"]'),
        b"[" * 100_000,
        b'{"data":' * 100_000,
        b'["' + b"x" * 100_000,
        b"1" * 20_000_000 + b"x",
    ],
)
def test_a_body_that_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedError):
        split(body)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'[{"uuid":"a"}]', ()),
        (b'{"data":[1]}', ("data",)),
        (b'{"results":[1]}', ("results",)),
        (b'{"uuid":"j","subjects":[1]}', ("subjects",)),
        (b'{"success":true,"data":{"job":{"subjects":{"a":1}}}}', ("data", "job")),
        (b'{"data":{"images":{"a":1}}}', ("data", "images")),
        (b'\xef\xbb\xbf \n{"job":{"images":[1]}}', ("job", "images")),
    ],
)
def test_rows_are_left_unparsed(body: bytes, path: tuple[str, ...]) -> None:
    value: Any = split(body)
    for name in path:
        value = value[name]
    rows = value["subjects"] if "job" in path and "subjects" in value else value
    assert isinstance(rows, Members)


def test_rows_of_any_size_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonsplit, "FIRST_WINDOW", 16)
    rows = [1, "é" * 50, {"x": ["y" * 300]}, 12345678901234567890, [], ""] * 3
    body = json.dumps({"data": rows, "next": "z" * 40}, ensure_ascii=False).encode()
    assert found(body) == parse(body)


def test_a_row_that_is_too_large_or_too_deep_is_refused_alone() -> None:
    giant = b'{"x":"%s","y":["}{"]}' % (b"\\\\\\" + b'"' * 1 + b"z" * 9_000_000)
    deep = b"[" * 100_000 + b'"]"' + b"]" * 100_000
    body = b'{"data":[1,%s,2,%s,3],"next":"/x"}' % (giant, deep)
    value = split(body)
    assert isinstance(value, dict) and value["next"] == "/x"
    assert [row for _, row in value["data"]] == [
        1,
        Refused("larger than 8,388,608 bytes"),
        2,
        Refused("nested too deeply"),
        3,
    ]
    meta = split(b'{"data":[],"meta":%s}' % deep)
    assert isinstance(meta, dict) and meta["meta"] == Refused("nested too deeply")


def test_a_repeated_name_counts_once_or_is_refused() -> None:
    value = split(b'{"subjects":{"a":1,"b":{"x":1},"a":1,"b":{"x":2},"c":3,"b":1}}')
    assert isinstance(value, dict)
    assert dict(value["subjects"]) == {
        "a": 1,
        "b": Refused("an object gives one key two values"),
        "c": 3,
    }
    assert len([*value["subjects"]]) == 3


def resident() -> int:
    """Return the memory of mapped files in this process, in bytes."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssFile:")[2].split()[0]) * 1024


def test_a_large_body_on_disk_takes_no_memory(tmp_path: Path) -> None:
    mebibyte, count = 1024 * 1024, 48
    path = tmp_path / "body"
    row = b'{"uuid":"s","note":"%s"}' % (b"x" * mebibyte)
    path.write_bytes(b"[" + b",".join([row] * count) + b"]")
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as body,
    ):
        before = resident()
        rows = split(body)
        assert isinstance(rows, Members)
        after_split = resident()
        assert sum(1 for _ in rows) == count
        assert after_split - before < count * mebibyte / 4
        assert resident() - before < count * mebibyte / 4


def test_rows_are_written_as_they_were_read() -> None:
    body = '{"uuid":"j","data":{"subjects":{"a":1.10},"images":["é"]}}'
    assert dumps(split(body.encode())) == body

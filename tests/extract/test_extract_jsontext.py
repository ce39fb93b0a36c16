"""JSON is read and written unchanged."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.jsontext import MalformedError, RowError, dumps, parse

NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.none() | st.booleans() | NUMBERS
VALUES = st.recursive(
    LEAVES | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    "literal",
    [
        *("0", "-0", "1", "-17", "1.0", "1.10", "0.1", "-0.0", "1e3", "1E+3"),
        *("1e400", "-1e400", "1e-400", "12345678901234567890", "9" * 5000),
        "3.141592653589793238462643383279",
    ],
)
def test_a_number_is_written_as_it_was(literal: str) -> None:
    for body in (literal, f"[{literal}]", f'{{"a":{literal},"b":[null,{literal}]}}'):
        assert dumps(parse(body.encode())) == body


@given(VALUES)
def test_any_json_is_written_as_it_was(value: object) -> None:
    written = dumps(parse(json.dumps(value).encode()))
    assert written == json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def test_a_byte_order_mark_is_skipped_and_control_characters_are_kept() -> None:
    assert parse(b'\xef\xbb\xbf{"a":"x"}') == {"a": "x"}
    assert parse(b'["a\tb\nc\x00\\u0000"]') == ["a\tb\nc\x00\x00"]
    assert dumps(parse(b'["a\tb\x00"]')) == '["a\\tb\\u0000"]'


@pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
def test_an_invalid_number_is_refused_in_its_row_only(name: str) -> None:
    rows = parse(f'[{{"a":1}},{{"a":{name}}}]'.encode())
    assert isinstance(rows, list)
    good, bad = rows
    assert dumps(good) == '{"a":1}'
    with pytest.raises(RowError, match=f"{name} is not a JSON number"):
        dumps(bad)


def test_one_key_with_two_values_is_refused_with_one_value_kept() -> None:
    assert dumps(parse(b'{"a":1,"b":2,"a":1}')) == '{"a":1,"b":2}'
    for body in (b'{"a":1,"a":2}', b'{"a":1,"a":2,"a":1}', b'{"x":[{"a":1.10,"a":2}]}'):
        with pytest.raises(RowError, match="one key two values"):
            dumps(parse(body))


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000 + b'"]"' + b"}" * 100_000],
)
def test_deep_nesting_is_refused(body: bytes) -> None:
    with pytest.raises(RowError, match="nested too deeply"):
        dumps(parse(body))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"<html>", "not JSON"),
        (b'[{"a":1}', "not JSON"),
        (b"[] []", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b"[" * 1_000_000, "not JSON"),
        (b'{"a":' * 100_000 + b"}" * 99_999, "not JSON"),
    ],
)
def test_malformed_json_has_its_own_error(body: bytes, reason: str) -> None:
    with pytest.raises(MalformedError, match=reason):
        parse(body)

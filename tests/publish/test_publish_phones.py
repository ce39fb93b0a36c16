"""Rule R5: which texts are phones that take text messages."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.phones import TEXTABLE_TYPES, textable_phone


@pytest.mark.parametrize(
    ("text", "region", "phone"),
    [
        ("202-555-0123", "US", "+12025550123"),
        ("(202) 555-0123", "US", "+12025550123"),
        ("12025550123", "US", "+12025550123"),
        ("+1 202 555 0123", "GB", "+12025550123"),
        ("202-555-0123", "CA", "+12025550123"),
        (
            "\x00\t\n\x85\u00a0\u2003\u3000 202-555-0123 \u3000\x1f\x00",
            "US",
            "+12025550123",
        ),
        (" " * 10_000 + "202-555-0123", "US", "+12025550123"),
        (
            "\u0662\u0660\u0662\u0665\u0665\u0665\u0660\u0661\u0662\u0663",
            "US",
            "+12025550123",
        ),
        # libphonenumber reads an extension, E.164 leaves it out.
        ("202-555-0123 ext. 45", "US", "+12025550123"),
        ("202-555-0123x45", "US", "+12025550123"),
    ],
)
def test_a_textable_phone_is_written_as_e164(
    text: str, region: str, phone: str
) -> None:
    assert textable_phone(text, region) == phone


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("", "US"),
        ("N/A", "US"),
        ("call mom", "US"),
        ("555-0123", "US"),
        ("2025550123", "GB"),
        ("202-555-01234", "US"),
        ("202-555-0123 call mom", "US"),
        ("202\x00555\x000123", "US"),
        ("+1 000 555 0123", "US"),
        ("2" * 10_000, "US"),
        ("\x00" * 10_000, "US"),
        ("+", "US"),
        ("+1;phone-context=", "US"),
        ("202-555-0123", "XX"),
        ("202-555-0123", ""),
        ("202-555-0123", "us"),
    ],
)
def test_anything_else_is_none(text: str, region: str) -> None:
    assert textable_phone(text, region) is None


def test_a_valid_number_that_takes_no_texts_is_none() -> None:
    # The example of a toll-free number that the library itself gives.
    number = phonenumbers.example_number_for_type(
        "US", phonenumbers.PhoneNumberType.TOLL_FREE
    )
    assert number is not None
    assert phonenumbers.is_valid_number(number)
    text = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    assert textable_phone(text, "US") is None


@given(st.text() | st.text(alphabet="0123456789+()- .xtel:;=#\x00"), st.text())
def test_no_text_and_no_region_raises(text: str, region: str) -> None:
    for known in (region, "US", "CA"):
        phone = textable_phone(text, known)
        if phone is not None:
            number = phonenumbers.parse(phone)
            assert phonenumbers.is_valid_number(number)
            assert phonenumbers.number_type(number) in TEXTABLE_TYPES
            assert textable_phone(phone, "GB") == phone


@given(st.text(alphabet=st.characters(categories=["Cs", "Nd", "Cc", "Po"])))
def test_lone_surrogates_do_not_raise(text: str) -> None:
    textable_phone(text, "US")

"""Phones that a text message can reach (rule R5)."""

import unicodedata

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

TEXTABLE_TYPES = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
# U+3000 is the last code point that is white space; control characters end earlier.
MARGIN = "".join(
    character
    for character in map(chr, range(0x3001))
    if character.isspace() or unicodedata.category(character) == "Cc"
)


def textable_phone(text: str, region: str) -> str | None:
    """Return `text` as E.164 if it is a phone that takes text messages, else None.

    `region` is the two-letter code (upper case) that a number without `+` is read
    in; the number may be of any region. White space and control characters around
    it do not count. An extension is no obstacle and is not part of the answer:
    libphonenumber reads it, and E.164 has no place for it. Never raises.
    """
    try:
        number = phonenumbers.parse(text.strip(MARGIN), region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    if phonenumbers.number_type(number) not in TEXTABLE_TYPES:
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)

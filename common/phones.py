"""Phones that a text message can reach (rule R5)."""

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from common.text import MARGIN

TEXTABLE_TYPES = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


def textable_phone(text: str, region: str) -> str | None:
    """Return `text` as E.164 if it is a phone that takes text messages, else None.

    A number without `+` is read in `region`, a two-letter code in upper case; with
    `+`, any region is fine. White space and control characters around it are
    ignored, and so is an extension, which E.164 cannot express.
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

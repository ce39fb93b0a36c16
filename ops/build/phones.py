"""SQL for the common spellings of phones (rule R5), from libphonenumber's metadata.

A call of Python takes 30 microseconds a text, and most texts are ten digits of calling
code 1 with some punctuation. For those the macros below decide as
`common.phones.textable_phone` does. Every other text goes to that function.
"""

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumberDesc

CALLING_CODE = 1
DIGITS = 10
LONGEST = 40
PUNCTUATION = "[ ().-]*"
# An area code never begins with 0 or 1, so a 1 before ten digits is the calling code.
SPELLING = (
    rf"{PUNCTUATION}((\+{PUNCTUATION})?1{PUNCTUATION})?"
    rf"[2-9]({PUNCTUATION}[0-9]){{{DIGITS - 1}}}{PUNCTUATION}"
)
# The kinds that come before "fixed line or mobile".
OTHER_KINDS = (
    "premium_rate",
    "toll_free",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
)


def phone_macros(schema: str) -> tuple[str, str]:
    """Return the statements that create the two macros in a schema.

    common_number(phone_text, region)  the ten digits, null if Python must decide
    is_textable_number(number)         whether these take text messages

    The patterns must be literals of the statement: DuckDB compiles those of a column
    for each row, which is slower than Python.
    """
    regions = COUNTRY_CODE_TO_REGION_CODE[CALLING_CODE]
    common = f"""
        create or replace macro {schema}.common_number(phone_text, region) as case
            when region in ({", ".join(map(_literal, regions))})
                and length(phone_text) <= {LONGEST}
                and regexp_full_match(phone_text, {_literal(SPELLING)})
            then right(regexp_replace(phone_text, '[^0-9]', '', 'g'), {DIGITS})
        end
    """
    textable = f"""
        create or replace macro {schema}.is_textable_number(number) as case
            {"\n".join(map(_decision, regions))}
            else false
        end
    """
    return common, textable


def _decision(region: str) -> str:
    """Return the `when` of a region: the first one that claims a number decides."""
    data = PhoneMetadata.metadata_for_region(region)
    if data is None:
        raise KeyError(region)
    others = [getattr(data, kind) for kind in OTHER_KINDS]
    if data.leading_digits:
        claims = f"regexp_matches(number, {_literal(f'^(?:{data.leading_digits})')})"
    else:
        claims = (
            f"{_matches(data.general_desc)} and "
            f"{_matches(data.fixed_line, data.mobile, *others)}"
        )
    return (
        f"when {claims} then {_matches(data.general_desc)} and {_matches(data.mobile)}"
        f" and not {_matches(*others)}"
    )


def _matches(*kinds: PhoneNumberDesc | None) -> str:
    """Return the condition that `number` is of one of these kinds."""
    patterns = [
        f"(?:{kind.national_number_pattern})"
        for kind in kinds
        if kind is not None
        and kind.national_number_pattern is not None
        and (not kind.possible_length or DIGITS in kind.possible_length)
    ]
    if not patterns:
        return "false"
    return f"regexp_full_match(number, {_literal('|'.join(patterns))})"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

"""Text: its white space at the ends (rules R5 to R7), and counts in words."""

import unicodedata

# U+3000 is the last code point that is white space; control characters end earlier.
MARGIN = "".join(
    character
    for character in map(chr, range(0x3001))
    if character.isspace() or unicodedata.category(character) == "Cc"
)


def counted(amount: int, noun: str) -> str:
    """Return an amount with its noun, in the plural unless it is 1."""
    return f"{amount:,} {noun}" + ("" if amount == 1 else "s")

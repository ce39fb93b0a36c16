"""Text at its ends: what counts as white space (rules R5 to R7)."""

import unicodedata

# U+3000 is the last code point that is white space; control characters end earlier.
MARGIN = "".join(
    character
    for character in map(chr, range(0x3001))
    if character.isspace() or unicodedata.category(character) == "Cc"
)

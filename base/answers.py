"""When two answers are the same: one normalisation, for the vocabulary, for candidates and for scores."""

import re
import unicodedata

COMPARISON = "comparable-1"
"""Name and version of the normalisation; `vocabulary.json` and metrics hold it. A change of `comparable` raises it."""

_FINAL = ".,;:!?\u3002\u3001\u06d4\u061f\u0964"
"""Punctuation at the end that does not count: that of Latin scripts, and full stops of others."""
_IGNORED = {0x00AD, 0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, *range(0xFE00, 0xFE10)}
"""Characters without a picture that Unicode does not count as format characters: fillers, variation selectors."""

_JOINERS = "\u200c\u200d"
"""Zero width as well; words of Persian or Hindi and emoji are spelt with them, so they are taken from ends only."""


def _invisible(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf") or ord(character) in _IGNORED


def visible(text: str) -> str:
    """The text without what nobody sees: zero-width and control characters, and white space at the ends.

    White space within it becomes single blanks. Joiners within a word stay.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    spaced = re.sub(r"\s+", " ", text)
    seen = "".join(c for c in spaced if c in _JOINERS or not _invisible(c))
    return " ".join(filter(None, (word.strip(_JOINERS) for word in seen.split())))


def comparable(text: str) -> str:
    """What of an answer counts when it is compared: two answers are the same where this is.

    Without invisible characters, outer white space and punctuation at the end, with single blanks within, in Unicode's
    form NFKC and without upper case. What is nothing but punctuation stays.
    """
    unjoined = visible(text).translate(dict.fromkeys(map(ord, _JOINERS)))
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", unjoined).casefold())
    seen = visible(folded)
    return seen.rstrip(_FINAL + " ") or seen

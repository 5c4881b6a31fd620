"""Text as a person reads it: without HTML entities, without invisible characters, in one Unicode normal form."""

from __future__ import annotations

import html
import re
import unicodedata

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_MOST_ESCAPES = 8  # times that a text was escaped, one after the other
JOINERS = "\u200c\u200d"  # letters of some scripts and parts of an emoji need them; elsewhere they are invisible
# A run of them beside an ASCII character or an end. It is matched from its start and as a whole: in time linear in it.
_LOOSE_JOINER = re.compile(f"(?<![^\x00-\x7f])[{JOINERS}]+|(?<![{JOINERS}])[{JOINERS}]++(?![^\x00-\x7f])")
_VARIATION = "\ufe0e\ufe0f"  # an emoji in black and white, or in colour


def unescaped(text: str) -> str:
    """Replace HTML entities such as `&amp;` and `&#39;` by their characters, doubly escaped ones too.

    Args:
        text: a caption, a phrase or a question, as a web page or a table holds it

    Returns:
        The text without entities; a bare `&` stays. A text that was escaped more than eight times is returned as it
        is, since nobody writes one. Applied again, the function changes nothing.
    """
    plain = text
    for _ in range(_MOST_ESCAPES + 1):
        before, plain = plain, _ENTITY.sub(lambda found: html.unescape(found[0]), plain)
        if plain == before:
            return plain
    return text


def visible(text: str) -> str:
    """Remove characters that nobody sees, and compose letters with their accents (Unicode's NFC).

    Args:
        text: any text

    Returns:
        The text without zero-width, control and other format characters; white space stays.
    """
    if text.isascii() and text.isprintable():
        return text
    kept = (c for c in text if c.isspace() or c in JOINERS
            or (c not in _VARIATION and unicodedata.category(c) not in ("Cc", "Cf")))
    return unicodedata.normalize("NFC", _LOOSE_JOINER.sub("", "".join(kept)))

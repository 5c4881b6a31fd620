"""Text as a person reads it: without HTML entities, without invisible characters, in one Unicode normal form."""

from __future__ import annotations

import html
import re
import unicodedata

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_JOINERS = "\u200c\u200d"  # letters of some scripts and parts of an emoji need them; elsewhere they are invisible
_LOOSE_JOINER = re.compile(f"(?<![^\x00-\x7f])[{_JOINERS}]+|[{_JOINERS}]+(?![^\x00-\x7f])")
_VARIATION = "\ufe0e\ufe0f"  # an emoji in black and white, or in colour


def unescaped(text: str) -> str:
    """Replace HTML entities such as `&amp;` and `&#39;` by their characters, doubly escaped ones too.

    Args:
        text: a caption, a phrase or a question, as a web page or a table holds it

    Returns:
        The text without entities; a bare `&` stays. Applied again, the function changes nothing.
    """
    while (plain := _ENTITY.sub(lambda found: html.unescape(found[0]), text)) != text:
        text = plain
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
    kept = (c for c in text if c.isspace() or c in _JOINERS
            or (c not in _VARIATION and unicodedata.category(c) not in ("Cc", "Cf")))
    return unicodedata.normalize("NFC", _LOOSE_JOINER.sub("", "".join(kept)))

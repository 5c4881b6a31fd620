"""How people write a hidden word in a caption."""

from __future__ import annotations

import re

MASK = "[MASK]"
# [MASK] and <mask> in any case, a blank of underscores, or the bare word in capitals.
_SPELLINGS = re.compile(r"(?i:\[\s*mask\s*\]|<\s*mask\s*>)|(?<!\w)_{2,}(?!\w)|(?<!\w)(?P<bare>MASK)(?!\w)")


def with_masks(text: str) -> tuple[str, list[int]]:
    """Write every spelling of a hidden word as [MASK].

    A bare MASK counts only beside small letters: in a text of capitals it is the thing that is worn.

    Args:
        text: A caption.

    Returns:
        The text with [MASK] in these places, and for each of its characters and its end the place in `text`.
    """
    shouted = not any(c.islower() for c in text)
    written, places, end = "", [], 0
    for found in _SPELLINGS.finditer(text):
        if found["bare"] and shouted:
            continue
        start = found.start()
        written += text[end:start] + MASK
        places += [*range(end, start), *[start] * len(MASK)]
        end = found.end()
    return written + text[end:], [*places, *range(end, len(text) + 1)]

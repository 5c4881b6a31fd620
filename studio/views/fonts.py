"""Fonts of this machine for characters that the figures' own font lacks."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

import numpy as np

OWN = "DejaVu Sans"  # comes with matplotlib
BOX, BRAILLE = "\u25a1", range(0x2800, 0x2900)  # it has these
NORMAL = (400, "normal", "regular", "book")  # weights; matplotlib logs it where a family has others only
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
MOST_NAMED = 6  # missing characters in a note


@dataclass(frozen=True)
class Fonts:
    """Fonts that draw a text together.

    families: for matplotlib's font.family, the figures' own font first. missing: the characters of the text that no
    font of this machine has, in code point order.
    """

    families: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def boxes(self) -> dict[int, str]:
        """For str.translate: a box for each missing character that can be seen, nothing for the others."""
        return {ord(c): BOX if _is_visible(c) else "" for c in self.missing}

    @property
    def note(self) -> str:
        """One sentence that names what is shown as boxes, or nothing where all characters are drawn."""
        names = [f"U+{ord(c):04X} ({unicodedata.name(c, 'unnamed').lower()})" for c in self.missing if _is_visible(c)]
        if not names:
            return ""
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        return f"{BOX} stands for characters that no font on this machine has: {', '.join(names[:MOST_NAMED])}{more}."


def fonts_for(text: str) -> Fonts:
    """Choose families of this machine that cover a text, as few as a greedy search finds.

    Args:
        text: everything that is drawn, without line breaks.

    Returns:
        The families and the characters that none of them has.
    """
    lacking = {ord(c) for c in text} - _among(OWN, text)
    families = [OWN]
    held = {family: _among(family, text) for family in (_families() if lacking else ())}
    while lacking and held:
        best = max(held, key=lambda family: (len(held[family] & lacking), "Sans" in family, family))
        if not held[best] & lacking:
            break
        families.append(best)
        lacking -= held[best]
    return Fonts(tuple(families), tuple(map(chr, sorted(lacking))))


def placeholders(missing: tuple[str, ...], text: str) -> dict[int, str]:
    """Characters to lay out in place of those that no font has, for a file that stores text and not its shapes.

    Args:
        missing: of `Fonts`.
        text: everything that is drawn.

    Returns:
        For str.translate: for each missing character that XML can hold one that the figures' own font has and the text
        lacks, as long as there are any.
    """
    unused = [chr(code) for code in BRAILLE if chr(code) not in text]
    return dict(zip(map(ord, NOT_IN_XML.sub("", "".join(missing))), unused, strict=False))


def _is_visible(character: str) -> bool:
    return unicodedata.category(character)[0] not in "ZC"


def _among(family: str, text: str) -> set[int]:
    """The code points of the text that a family has."""
    glyphs, codes = _glyphs_of(family), np.array(sorted({ord(c) for c in text}), dtype=np.uint32)
    return set(codes[np.isin(codes, glyphs)].tolist())


@cache
def _families() -> tuple[str, ...]:
    """Upright families of this machine in normal weight, without those of matplotlib: mathematics and a last resort."""
    from matplotlib import font_manager, get_data_path

    return tuple(sorted({f.name for f in font_manager.fontManager.ttflist
                         if f.style == "normal" and f.weight in NORMAL and not f.fname.startswith(get_data_path())}))


@cache
def _glyphs_of(family: str) -> np.ndarray:
    """Sorted code points of the font that matplotlib takes for a family."""
    from matplotlib import font_manager

    path = font_manager.findfont(font_manager.FontProperties(family=[family]), fallback_to_default=False)
    return np.array(sorted(font_manager.get_font(path).get_charmap()), dtype=np.uint32)

"""The pages' HTML from the fragments that they share."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parent
_PLACE = re.compile(r"[ ]*<!-- (\w+) -->\n?")


def markup(page: Path, without: frozenset[str] = frozenset()) -> str:
    """The file with each line `<!-- NAME -->` replaced by the fragment NAME.html of this folder, and so on within it;
    by nothing where `without` names it."""
    def fragment(place: re.Match[str]) -> str:
        name = place.group(1)
        return "" if name in without else markup(FOLDER / f"{name}.html", without)

    return _PLACE.sub(fragment, page.read_text(encoding="utf-8"))

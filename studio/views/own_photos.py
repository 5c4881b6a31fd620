"""What came of a visitor's own photos, before anything starts: how much can be used, what cannot, a few to look at."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from studio.errors import without_folders

if TYPE_CHECKING:
    from studio.teaching.own_photos import Taken

MOST_NAMED = 20


def report(taken: Taken, pictures: Sequence[str]) -> str:
    """pictures: addresses of the photos of the first entries."""
    lines, photos = len(taken.entries), taken.photos
    said = [f'<p class="good">{lines} line{"s" * (lines != 1)} about {photos} photos can be used.</p>']
    if taken.note:
        said.append(f'<p class="hint">{escape(taken.note)}</p>')
    if taken.problems:
        named = "".join(f"<li>{escape(without_folders(p))}</li>" for p in taken.problems[:MOST_NAMED])
        more = len(taken.problems) - MOST_NAMED
        said.append(f'<p class="problem">{len(taken.problems)} left out:</p><ul class="problems">{named}'
                    + (f"<li>and {more} more</li>" if more > 0 else "") + "</ul>")
    if taken.others:
        said.append(f'<p class="hint">Neither photo nor table: {escape(", ".join(taken.others[:8]))}'
                    f'{" …" if len(taken.others) > 8 else ""}</p>')
    cards = []
    for entry, picture in zip(taken.entries, pictures, strict=False):
        box = ""
        if entry.box is not None:
            x1, y1, x2, y2 = entry.box
            box = (f'<span class="region true" style="left:{100 * x1:.2f}%;top:{100 * y1:.2f}%;'
                   f'width:{100 * (x2 - x1):.2f}%;height:{100 * (y2 - y1):.2f}%;--w:0"></span>')
        says = escape(entry.says) + (f" <b>{escape(entry.answer)}</b>" if entry.answer else "")
        cards.append(f'<li><div class="seen"><img src="{escape(picture)}" alt="{escape(entry.photo.name)}">{box}</div>'
                     f"<p>{says}</p></li>")
    return f'<div class="teach own">{"".join(said)}<ul class="cards">{"".join(cards)}</ul></div>'

"""What stands where a run will be shown, as long as there is none: what there will be to see."""

from __future__ import annotations

_CURVE = ('<path class="axis" d="M6 4V42H74"/><path class="chance" d="M6 34H74"/>'
          '<path class="line" d="M6 35C18 34 22 30 30 20S46 9 74 8"/><circle class="dot" cx="6" cy="35" r="3"/>')
_EXAMPLE = ('<rect class="axis" x="6" y="4" width="68" height="38" rx="4"/>'
            '<rect class="faint" x="14" y="12" width="18" height="14" rx="2"/>'
            '<rect class="strong" x="42" y="17" width="22" height="18" rx="2"/>')
_SLIDER = ('<path class="axis" d="M6 24H74"/><path class="line" d="M6 24H48"/><circle class="dot" cx="48" '
           'cy="24" r="7"/><path class="axis" d="M6 19V29M74 19V29"/>')


def _item(sketch: str, title: str, text: str) -> str:
    return (f'<li><svg viewBox="0 0 80 46" aria-hidden="true">{sketch}</svg>'
            f"<div><h3>{title}</h3><p>{text}</p></div></li>")


INVITATION = (
    '<div class="teach invitation"><h2>What you will see here</h2>'
    '<p class="hint">No run has been started yet. Press <b>Start</b>; the settings need no change.</p><ul>'
    + _item(_CURVE, "The curve", "How often it is right on pictures that it does not learn from, beside what guessing "
            "reaches. Its first point is measured before anything is learned.")
    + _item(_EXAMPLE, "An example", "One picture and its words: what the model believes about each region at that "
            "moment, and whether it is right. Your own photo, too, if you give one.")
    + _item(_SLIDER, "A slider back in time", "Every measurement is kept. Go back, and see what it believed then.")
    + '</ul><p class="hint">You may close the page: a run goes on, and is found here again. Below, all runs are kept '
    "to compare, rename, download or delete.</p></div>")

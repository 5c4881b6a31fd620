"""What the detector saw in a photo, and the words of a caption, as the canvas takes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.predictor import Seen
    from engine.structures.caption import Word


SHOWN_FIRST = 12
SAME_THING, SAME_PLACE = 0.4, 0.7  # overlap (IoU) above which a box repeats one of the same label, or any other


def regions(seen: Seen) -> list[dict[str, Any]]:
    """box (fractions of the photo), label, score, and whether it is shown at first; region 0 is the whole picture.

    A detector offers many boxes around one thing. All go to the model; at first the page draws the surest twelve of
    those that do not repeat a surer one.
    """
    first = set(_first(seen))
    boxes = seen.boxes.fractions.tolist()
    return [{"box": [round(v, 5) for v in box], "label": label, "score": round(float(score), 4), "first": i in first}
            for i, (box, label, score) in enumerate(zip(boxes, seen.labels, seen.scores, strict=True))]


def _first(seen: Seen) -> list[int]:
    overlap = seen.boxes.iou(seen.boxes).tolist()
    chosen: list[int] = []
    for i in sorted(range(1, len(seen.labels)), key=lambda i: -seen.scores[i]):
        repeats = any(overlap[i][j] > (SAME_THING if seen.labels[i] == seen.labels[j] else SAME_PLACE) for j in chosen)
        if not repeats and len(chosen) < SHOWN_FIRST:
            chosen.append(i)
    return chosen


def chips(caption: str, found: Iterable[Word]) -> dict[str, Any]:
    """{"words": [{"before", "text", "known"}], "after"}: the caption cut into words and what stands between them.

    The page gets the text and no character counts, since JavaScript counts an emoji twice and Python once.
    """
    words, end = [], 0
    for word in found:
        words.append({"before": caption[end:word.start], "text": caption[word.start:word.end],
                      "known": getattr(word, "known", True)})
        end = word.end
    return {"words": words, "after": caption[end:]}

"""What the detector saw in a photo, and the words of a caption, as the canvas takes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.predictor import Seen
    from engine.structures.caption import Word


def regions(seen: Seen) -> list[dict[str, Any]]:
    """box (fractions of the photo), label and score of each region; the first is the whole picture."""
    boxes = seen.boxes.fractions.tolist()
    return [{"box": [round(v, 5) for v in box], "label": label, "score": round(float(score), 4)}
            for box, label, score in zip(boxes, seen.labels, seen.scores, strict=True)]


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

"""What the detector saw in a photo, and the words of a caption, as the canvas takes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from engine.data.plain_text import unescaped
from engine.structures.caption import unread
from studio.views.clues import percent

if TYPE_CHECKING:
    from engine.predictor import Seen
    from engine.structures.caption import Word


SHOWN_FIRST = 12
SAME_THING, SAME_PLACE = 0.4, 0.7  # overlap (IoU) above which a box repeats one of the same label, or any other


def regions(seen: Seen) -> list[dict[str, Any]]:
    """box (fractions of the photo), label and its probability (percent: as text), score, and whether it is shown at
    first; region 0 is the whole picture. score: what the detector ranks its boxes by.

    A detector offers many boxes around one thing. All go to the model; at first the page draws the surest twelve of
    those that do not repeat a surer one.
    """
    first = set(_first(seen))
    boxes = seen.boxes.fractions.tolist()
    return [{"box": [round(v, 5) for v in box], "label": label, "probability": round(float(sure), 4),
             "percent": percent(sure), "score": round(float(score), 4), "first": i in first}
            for i, (box, label, sure, score) in enumerate(zip(boxes, seen.labels, seen.probabilities, seen.scores,
                                                              strict=True))]


def _first(seen: Seen) -> list[int]:
    overlap = seen.boxes.iou(seen.boxes).tolist()
    chosen: list[int] = []
    for i in sorted(range(1, len(seen.labels)), key=lambda i: -seen.scores[i]):
        repeats = any(overlap[i][j] > (SAME_THING if seen.labels[i] == seen.labels[j] else SAME_PLACE) for j in chosen)
        if not repeats and len(chosen) < SHOWN_FIRST:
            chosen.append(i)
    return chosen


def chips(caption: str, found: Iterable[Word]) -> dict[str, Any]:
    """{"words": [{"before", "text", "known", "readable"}], "after", "note"}: the caption cut into words and what stands
    between them, without HTML entities. note: on words of which the model sees [UNK] only.

    The page gets the text and no character counts, since JavaScript counts an emoji twice and Python once.
    """
    caption = unescaped(caption)  # the words count its characters
    words, end, found = [], 0, tuple(found)
    for word in found:
        words.append({"before": caption[end:word.start], "text": caption[word.start:word.end], "known": word.known,
                      "readable": word.readable})
        end = word.end
    return {"words": words, "after": caption[end:], "note": unread(found)}

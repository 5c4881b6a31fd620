"""What one visitor has open: small, immutable, serialisable."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import BoxError, CaptionError
from engine.wording import shown
from studio.errors import RequestError

MOST_CHARACTERS = 4000
MOST_HIDDEN = 200
MOST_HEADS = 1024

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Session:
    """A photo with its boxes, a caption, and what of both is hidden.

    photo: the ticket that the studio gave for the photo.
    boxes: x1, y1, x2, y2 as fractions of the photo, region 1 first (region 0 is the whole picture and never listed);
    None asks for the detector's own.
    heads_off: attention heads that are switched off, as (layer, head) from 0, ascending.
    hidden_words and hidden_regions: places of words in the caption (from 0) and of regions, ascending.
    """

    photo: str
    caption: str = ""
    boxes: tuple[Box, ...] | None = None
    hidden_words: tuple[int, ...] = ()
    hidden_regions: tuple[int, ...] = ()
    heads_off: tuple[tuple[int, int], ...] = ()

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Session:
        """Read what the page sends.

        Raises RequestError for a field of another kind, BoxError for a box that is not four numbers, and CaptionError
        for a caption beyond 4,000 characters. What the model can do with the fields is for the engine to say.
        """
        photo, caption = fields.get("photo"), fields.get("caption", "")
        if not isinstance(photo, str) or not isinstance(caption, str):
            raise RequestError("A session needs a photo and a caption, both text. Reload the page.")
        if len(caption) > MOST_CHARACTERS:
            raise CaptionError(f"The caption has {len(caption)} characters; at most {MOST_CHARACTERS} fit. Shorten it.")
        return cls(
            photo=photo,
            caption=caption,
            boxes=_boxes(fields.get("boxes")),
            hidden_words=_places(fields.get("hidden_words", []), "words"),
            hidden_regions=_places(fields.get("hidden_regions", []), "regions"),
            heads_off=_heads(fields.get("heads_off", [])),
        )

    def to_json(self) -> dict[str, Any]:
        """The same fields as plain lists, numbers and text."""
        return dataclasses.asdict(self)


def _boxes(value: object) -> tuple[Box, ...] | None:
    if value is None:
        return None
    if not isinstance(value, (list, tuple)):
        raise RequestError("Boxes must be a list of boxes. Reload the page.")
    return tuple(_box(box, number) for number, box in enumerate(value, start=1))


def _box(value: object, number: int) -> Box:
    if not isinstance(value, (list, tuple)) or len(value) != 4 or not all(_is_number(v) for v in value):
        raise BoxError(f"Box {number} must be four numbers x1, y1, x2, y2; it is {shown(value)}.")
    x1, y1, x2, y2 = (float(v) for v in value)
    return x1, y1, x2, y2


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e6


def _places(value: object, what: str) -> tuple[int, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(v, int) and not isinstance(v, bool) for v in value):
        raise RequestError(f"The hidden {what} must be a list of whole numbers; they are {shown(value)}. "
                           "Reload the page.")
    if len(value) > MOST_HIDDEN:
        raise RequestError(f"{len(value)} {what} are hidden; at most {MOST_HIDDEN} can be. Show some again.")
    return tuple(sorted(set(value)))


def _heads(value: object) -> tuple[tuple[int, int], ...]:
    if not isinstance(value, (list, tuple)) or len(value) > MOST_HEADS or not all(_is_pair(v) for v in value):
        raise RequestError(f"Heads are a list of at most {MOST_HEADS} pairs of layer and head. Reload the page.")
    return tuple(sorted({(layer, head) for layer, head in value}))


def _is_pair(value: object) -> bool:
    return (isinstance(value, (list, tuple)) and len(value) == 2
            and all(isinstance(v, int) and not isinstance(v, bool) and v >= 0 for v in value))

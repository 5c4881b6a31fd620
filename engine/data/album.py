"""The pictures of a data set, gathered while its questions are read."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from engine.data.lines import BROKEN, reason
from engine.errors import BoxError, DataError
from engine.structures.boxes import MAX_BOXES, SMALLEST
from engine.structures.photo import Photo
from engine.structures.questions import Fractions, Pictured
from engine.wording import shown


class Album:
    """Pictures numbered by first use. Each is looked for once, however many questions it has; none is decoded."""

    def __init__(self) -> None:
        self._pictures: list[Pictured] = []
        self._numbers: dict[Path, int] = {}
        self._refused: dict[Path, str] = {}

    @property
    def pictures(self) -> tuple[Pictured, ...]:
        return tuple(self._pictures)

    def __getitem__(self, number: int) -> Pictured:
        return self._pictures[number]

    def number(self, path: Path, describe: Callable[[Path], Pictured] = Pictured) -> int:
        """The number of the picture at `path`; `describe` is asked for it at its first use.

        Raises DataError where there is no such file, its header is no picture's, it has too many boxes, or `describe`
        could not tell.
        """
        if path not in self._numbers and path not in self._refused:
            try:
                if not path.is_file():
                    raise DataError(f"there is no picture {path}")
                Photo.check(path)
                pictured = describe(path)
                if len(pictured.boxes) > MAX_BOXES:
                    raise DataError(f"{path.name} has {len(pictured.boxes)} boxes; at most {MAX_BOXES} fit")
                self._pictures.append(pictured)
                self._numbers[path] = len(self._pictures) - 1
            except BROKEN as error:
                self._refused[path] = reason(error)
        if path in self._refused:
            raise DataError(self._refused[path])
        return self._numbers[path]


def fractions(corners: Sequence[float], width: float, height: float) -> Fractions:
    """A box in pixels (x1, y1, x2, y2) of a `width` x `height` picture as fractions, clipped to the picture.

    Raises BoxError where it is not four numbers, lies outside, or has no area.
    """
    if len(corners) != 4 or not all(isinstance(v, (int, float)) and math.isfinite(v) for v in corners):
        raise BoxError(f"a box must be four numbers; it is {shown(list(corners))}")
    if not (0 < width < math.inf and 0 < height < math.inf):
        raise BoxError(f"a picture needs a positive size; this one is {width} x {height}")
    x1, x2 = (min(max(float(v) / width, 0.0), 1.0) for v in corners[0::2])
    y1, y2 = (min(max(float(v) / height, 0.0), 1.0) for v in corners[1::2])
    if x2 - x1 < SMALLEST or y2 - y1 < SMALLEST:
        raise BoxError(f"the box {list(corners)} has no area inside its picture of {width} x {height}")
    return x1, y1, x2, y2


def fractions_of_sized(sized: Sequence[float], width: float, height: float) -> Fractions:
    """The same for a box as COCO writes it: x, y of the corner, then its width and height, in pixels."""
    x, y, w, h = sized
    return fractions((x, y, x + w, y + h), width, height)

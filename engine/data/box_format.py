"""How the boxes of a table are written, decided once for all of them: corners or sizes, pixels or fractions."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from engine.boxes_config import BoxesConfig
from engine.data.album import fractions
from engine.data.lines import reason
from engine.errors import BoxError, DataError
from engine.structures.boxes import MOST_FRACTION
from engine.structures.questions import Fractions
from engine.wording import shown

BEYOND = 0.01  # share of the photo by which a box may reach over its edge without a word
_DOUBTFUL = 0.25  # share of boxes that cannot be corners, above which the format of a table is not guessed
_NAMES = {"xyxy": "x1, y1, x2, y2", "xywh": "x, y, width, height"}


@dataclass(frozen=True)
class WrittenBox:
    """Four numbers as a person wrote them, and the size of the upright photo in pixels."""

    numbers: tuple[float, float, float, float]
    width: float
    height: float

    @classmethod
    def read(cls, raw: object, width: float, height: float) -> WrittenBox:
        """Read a box of a table.

        Args:
            raw: a list of four numbers, or of their texts
            width: of the photo
            height: of the photo

        Returns:
            The box.

        Raises:
            DataError: there are no four finite numbers
        """
        try:
            if not isinstance(raw, list) or len(raw) != 4:
                raise ValueError
            a, b, c, d = (float(value) for value in raw)
            if not all(map(math.isfinite, (a, b, c, d))):
                raise ValueError
        except (TypeError, ValueError, OverflowError) as error:
            raise DataError(f"the box must be four numbers x1, y1, x2, y2; it is {shown(raw)}") from error
        return cls((a, b, c, d), width, height)

    @property
    def in_pixels(self) -> bool:
        """Whether no fractions are so large; in pixels, none would be so small."""
        return max(map(abs, self.numbers)) > MOST_FRACTION

    def corners(self, boxes: BoxesConfig) -> tuple[float, float, float, float]:
        """x1, y1, x2, y2 as fractions, maybe beyond the photo."""
        a, b, c, d = self.numbers
        if boxes.boxes_format == "xywh":
            c, d = a + c, b + d
        width, height = (self.width, self.height) if boxes.boxes_unit == "pixels" else (1.0, 1.0)
        return a / width, b / height, c / width, d / height

    def __str__(self) -> str:
        return ", ".join(f"{number:g}" for number in self.numbers)


@dataclass(frozen=True)
class BoxFormat:
    """What was decided. boxes: without "auto". stated: what the user said, with it."""

    boxes: BoxesConfig
    stated: BoxesConfig

    @classmethod
    def of(cls, written: Sequence[WrittenBox], stated: BoxesConfig) -> BoxFormat:
        """Decide how boxes are written, from all of them together.

        Args:
            written: all boxes of one table or file
            stated: what is known already

        Returns:
            Their format.

        Raises:
            DataError: they could be either, and a guess would change them
        """
        unit, form = stated.boxes_unit, stated.boxes_format
        if unit == "auto":
            pixels = sum(box.in_pixels for box in written)
            if pixels * 2 == len(written) and written:
                raise DataError("Half of the boxes look like pixels, half like fractions. Set boxes-unit to pixels or "
                                "to fractions.")
            unit = "pixels" if pixels * 2 > len(written) else "fractions"
        boxes = BoxesConfig(boxes_format="xyxy" if form == "auto" else form, boxes_unit=unit)
        own = [box for box in written if box.in_pixels == (unit == "pixels")]
        reversed_ = [box for box in own if _is_reversed(box)]
        sized = replace(boxes, boxes_format="xywh")
        if form == "auto" and len(reversed_) > _DOUBTFUL * len(own) and not any(
                _reaches_over(box.corners(sized)) for box in own):
            raise DataError(f"{len(reversed_)} of {len(own)} boxes, such as {reversed_[0]}, cannot be x1, y1, x2, y2, "
                            "and all can be x, y, width, height. Set boxes-format to xywh, or to xyxy.")
        return cls(boxes, stated)

    def fractions(self, box: WrittenBox) -> Fractions:
        """Turn a box into corners as fractions, clipped to its photo.

        Args:
            box: of the table that the format was decided for

        Returns:
            x1, y1, x2, y2.

        Raises:
            BoxError: the box has no area in its photo, or is written otherwise than the rest
        """
        unit = self.boxes.boxes_unit
        if (box.in_pixels and unit == "fractions") or (not box.in_pixels and unit == "pixels"
                                                     and self.stated.boxes_unit == "auto"):
            other = "pixels" if unit == "fractions" else "fractions"
            raise BoxError(f"the box {box} looks like {other}, and the boxes are taken as {unit}; write all in one "
                           "unit, or set boxes-unit")
        try:
            return fractions(box.corners(self.boxes), 1.0, 1.0)
        except BoxError as error:
            hint = ""
            if self.stated.boxes_format == "auto" and _is_reversed(box):
                hint = "; x2 and y2 must exceed x1 and y1. If they are width and height, set boxes-format to xywh"
            raise BoxError(f"the box {box} has no area inside its picture of {box.width:g} x {box.height:g}"
                           f"{hint}") from error

    def note(self, taken: Sequence[WrittenBox]) -> str:
        """Say what was decided.

        Args:
            taken: the boxes that were turned into fractions

        Returns:
            One or two sentences; nothing where the user stated all and no box was cut.
        """
        said = []
        if "auto" in (self.stated.boxes_format, self.stated.boxes_unit):
            said.append(f"The boxes were taken as {_NAMES[self.boxes.boxes_format]} in {self.boxes.boxes_unit}.")
        cut = sum(_reaches_over(box.corners(self.boxes)) for box in taken)
        if cut:
            said.append(f"{cut} of {len(taken)} boxes reach over the edge of their photo and were cut there.")
        return " ".join(said)


def file_boxes(path: Path, size: tuple[int, int], stated: BoxesConfig) -> tuple[list[Fractions], str]:
    """Read the boxes of one photo.

    Args:
        path: of a file that holds [[x1, y1, x2, y2], …]
        size: width and height of the upright photo in pixels
        stated: how the boxes are written

    Returns:
        The boxes as fractions, and what `BoxFormat.note` says.

    Raises:
        DataError: the file holds no list of boxes, or they could be in more than one format
        BoxError: a box, named by its number, has no area in the photo
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read as json ({reason(error)}). It must hold [[x1, y1, x2, y2], …]."
                        ) from error
    if not isinstance(raw, list) or not all(isinstance(box, list) for box in raw):
        raise DataError(f"{path} must hold a list of boxes, [[x1, y1, x2, y2], …], in pixels or as fractions of the "
                        "picture.")
    written = []
    for number, box in enumerate(raw, 1):
        with _named(number, path):
            written.append(WrittenBox.read(box, *size))
    form, found = BoxFormat.of(written, stated), []
    for number, own in enumerate(written, 1):
        with _named(number, path):
            found.append(form.fractions(own))
    return found, form.note(written)


@contextmanager
def _named(number: int, path: Path) -> Iterator[None]:
    """What is wrong with a box is said with its number."""
    try:
        yield
    except (BoxError, DataError) as error:
        raise BoxError(f"Box {number} of {path.name}: {error}.") from error


def _is_reversed(box: WrittenBox) -> bool:
    """Whether the last two numbers cannot be the right lower corner, but can be a size."""
    a, b, c, d = box.numbers
    return (c <= a or d <= b) and c > 0 and d > 0


def _reaches_over(corners: Sequence[float]) -> bool:
    return min(corners) < -BEYOND or max(corners) > 1 + BEYOND

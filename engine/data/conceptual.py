"""Reader of Conceptual Captions with boxes and features computed beforehand, as the published code lays them out.

`SPLIT_frcnn.json` has one json object a line: `image`, `caption` (tokens) and `frcnn`, a place such as
`train_frcnn.zip@/00000000.json`: a member of a zip archive, or of the unpacked folder of the same name. That member
holds `image_w`, `image_h`, `num_boxes` and, as base64 of float32, `boxes`, `features` and `classes`.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from engine.data.lines import BROKEN, reason, records
from engine.errors import DataError
from engine.structures.boxes import SMALLEST
from engine.structures.questions import Skipped
from engine.wording import shown

_PART = re.compile(r"\.\d+$")  # archives may come in parts: train_frcnn.0, train_frcnn.1, …; their folder is one


@dataclass(frozen=True, eq=False)
class PrecomputedCaption:
    """A caption and what the detector saw in its picture, surest region first.

    path: of the picture, which need not be there. boxes: [K, 4] float32, x1, y1, x2, y2 as fractions;
    features: [K, 2048] float32; classes: [K, C] float32, the detector's distribution over its classes.
    """

    path: Path
    caption: str
    boxes: np.ndarray
    features: np.ndarray
    classes: np.ndarray

    def __post_init__(self) -> None:
        shapes = [list(part.shape) for part in (self.boxes, self.features, self.classes)]
        if any(len(s) != 2 for s in shapes) or len({s[0] for s in shapes}) != 1 or shapes[0][1] != 4:
            raise DataError(f"{self.path.name} has boxes {shapes[0]}, features {shapes[1]} and classes {shapes[2]}; "
                            "expected [K, 4], [K, 2048] and [K, C].")


@dataclass(frozen=True)
class _Line:
    image: Path
    caption: str
    archive: Path | None  # None where the member lies in a folder
    member: str


class ConceptualCaptions:
    """The captions of a split, in file order. Features are read when a caption is taken: all are 3 million.

    Archives stay open, so each process needs an object of its own. Broken lines and members that are not there are
    counted in `skipped`, and so are, once they are read, boxes without area inside their picture and broken
    members that `usable` and iterating leave out. limit: at most that many captions. widths: how many numbers a feature
    and how many classes a distribution must have; regions of others are broken.
    Raises DataError where the file or an archive cannot be read, nothing can be used, or a taken member is broken.
    """

    def __init__(self, folder: str | Path, split: str, limit: int | None = None,
                 widths: tuple[int, int] | None = None) -> None:
        folder = Path(folder)
        self.widths = widths
        self.skipped = Skipped()
        self._archives: dict[Path, tuple[ZipFile, frozenset[str]]] = {}
        self._lines: list[_Line] = []
        self.told: dict[int, list[str]] = {}  # what was counted as wrong with captions that were taken, by number
        for number, raw in records(folder / f"{split}_frcnn.json", self.skipped):
            if limit is not None and len(self._lines) >= limit:
                break
            try:
                self._lines.append(self._line(raw, folder))
            except BROKEN as error:
                self.skipped.add(f"line {number}: {reason(error)}")
        if not self._lines:
            raise DataError(f"There is nothing to use in this data ({self.skipped}).")

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[PrecomputedCaption]:
        return (taken for number in range(len(self)) if (taken := self.usable(number)) is not None)

    def usable(self, number: int) -> PrecomputedCaption | None:
        """Caption `number`, or None where its features are broken, which is counted."""
        try:
            return self[number]
        except DataError as error:
            self.tell(number, [str(error)])
            return None

    def caption(self, number: int) -> str:
        """The words of caption `number` alone."""
        return self._lines[number].caption

    def __getitem__(self, number: int) -> PrecomputedCaption:
        """Caption `number`, counted from 0. Raises DataError where its features are broken."""
        line = self._lines[number]
        try:
            raw = json.loads(self._bytes(line))
            taken = _precomputed(line, raw)
            self._check_widths(taken)
        except (*BROKEN, BadZipFile, zlib.error) as error:
            where = f"{line.member} in {line.archive}" if line.archive else line.member
            raise DataError(f"{where} is broken ({reason(error)}). Compute it anew.") from error
        lost = int(raw["num_boxes"]) - len(taken.boxes)
        self.tell(number, [f"a box of {line.member}: it has no area inside its picture"] * lost)
        return taken

    def _check_widths(self, taken: PrecomputedCaption) -> None:
        found = (taken.features.shape[1], taken.classes.shape[1])
        if self.widths and found != self.widths:
            raise DataError(f"its regions have features of {found[0]} numbers and {found[1]} classes; the model takes "
                            f"{self.widths[0]} and {self.widths[1]}")

    def tell(self, number: int, wrong: list[str]) -> None:
        """Count what is wrong with a caption, the first time that it is taken."""
        if wrong and number not in self.told:
            self.told[number] = wrong
            for what in wrong:
                self.skipped.add(what)

    def _line(self, raw: dict[str, Any], folder: Path) -> _Line:
        caption = raw["caption"]
        if not isinstance(caption, list) or not " ".join(caption).strip():
            raise DataError(f"caption must be a list of words; it is {shown(caption)}")
        archive, member = _place(raw["frcnn"], folder)
        if not (member in self._members(archive) if archive else Path(member).is_file()):
            raise DataError(f"there is no {raw['frcnn']}")
        picture, image = _place(raw["image"], folder)
        return _Line(picture.with_suffix("") / image if picture else Path(image), " ".join(caption), archive, member)

    def _members(self, archive: Path) -> frozenset[str]:
        if archive not in self._archives:
            try:
                opened = ZipFile(archive)
            except (BadZipFile, OSError) as error:
                raise DataError(f"{archive} is no zip archive that can be read ({error})") from error
            self._archives[archive] = (opened, frozenset(opened.namelist()))
        return self._archives[archive][1]

    def _bytes(self, line: _Line) -> bytes:
        if line.archive is None:
            return Path(line.member).read_bytes()
        return self._archives[line.archive][0].read(line.member)


def _place(place: str, folder: Path) -> tuple[Path | None, str]:
    """Archive and member for "a.zip@/b.json" where the archive is there, else None and the path of the file."""
    archive, at, member = place.partition(".zip@")
    if at and (folder / f"{archive}.zip").is_file():
        return folder / f"{archive}.zip", member.strip("/")
    return None, str(folder / _PART.sub("", archive) / member.strip("/") if at else folder / place)


def _precomputed(line: _Line, raw: dict[str, Any]) -> PrecomputedCaption:
    """Boxes clipped to the picture, those without area left out; by the highest class probability, as published."""
    count = int(raw["num_boxes"])
    boxes, features, classes = (
        np.frombuffer(base64.b64decode(raw[name]), "<f4").reshape(count, -1)
        for name in ("boxes", "features", "classes"))
    if not (0 < raw["image_w"] < np.inf and 0 < raw["image_h"] < np.inf):
        raise DataError(f"the picture has the size {raw['image_w']} x {raw['image_h']}")
    if not (np.isfinite(features).all() and np.isfinite(classes).all()):
        raise DataError("not all of its features and classes are finite numbers")
    size = np.array([raw["image_w"], raw["image_h"]] * 2, np.float32)
    boxes = (boxes[:, :4] / size).clip(0, 1)
    order = np.argsort(-classes.max(axis=1), kind="stable")
    order = order[(boxes[order, 2:] - boxes[order, :2] >= SMALLEST).all(axis=1)]
    if not len(order):
        raise DataError("no box has an area inside the picture")
    return PrecomputedCaption(line.image, line.caption, boxes[order], features[order], classes[order])

"""Reader of a folder shaped like Flickr8k with Flickr30k Entities: `entities_SPLIT.jsonl` and `images/`."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.data.lines import BROKEN, byte_lines, reason, refuse_negative, text_lines
from engine.data.plain_text import unescaped
from engine.errors import BoxError, DataError
from engine.structures.boxes import MAX_BOXES, SMALLEST
from engine.structures.questions import Fractions

ROUNDING = 0.01  # so far beyond its picture a box may lie, and is cut off there


@dataclass(frozen=True)
class Phrase:
    """A phrase of a caption: `start` and `end` are character offsets; `boxes` are indices into the photo's boxes."""

    text: str
    start: int
    end: int
    types: tuple[str, ...]
    boxes: tuple[int, ...]


@dataclass(frozen=True)
class AnnotatedCaption:
    text: str
    phrases: tuple[Phrase, ...]


@dataclass(frozen=True)
class Coverage:
    """Which things of its photos a data set annotates.

    labels: the labels it annotates, or None where it annotates whatever its captions name (Flickr30k Entities).
    complete: every thing of those labels has a box. Only then does a region without a box show none of them.
    """

    labels: frozenset[str] | None = None
    complete: bool = True


@dataclass(frozen=True)
class AnnotatedPhoto:
    """A photo with boxes (x1, y1, x2, y2 as fractions) and captions; width and height in original pixels.

    path: where it lies. content: the bytes of its file instead, where it came in a stream. labels: the class of each
    box as the data set names it, "" where it has none; empty where no box has one. coverage: that of its data set.
    """

    path: Path
    width: int
    height: int
    boxes: tuple[tuple[float, float, float, float], ...]
    captions: tuple[AnnotatedCaption, ...]
    content: bytes | None = None
    labels: tuple[str, ...] = ()
    coverage: Coverage = Coverage()

    @property
    def source(self) -> bytes | Path:
        """What `Photo.open` reads."""
        return self.path if self.content is None else self.content

    def phrases_of(self, box: int) -> list[Phrase]:
        """Every phrase, in reading order over all captions, that names this box."""
        return [p for c in self.captions for p in c.phrases if box in p.boxes]

    def label_of(self, box: int) -> str:
        """The data set's own label of this box, or ""."""
        return self.labels[box] if self.labels else ""

    def named(self) -> AnnotatedPhoto:
        """The photo with only the boxes that a phrase of its captions names; the others are then not annotated."""
        own = [box for box in range(len(self.boxes)) if self.phrases_of(box)]
        if len(own) == len(self.boxes):
            return self
        number = {box: i for i, box in enumerate(own)}
        captions = tuple(
            replace(c, phrases=tuple(replace(p, boxes=tuple(number[b] for b in p.boxes)) for p in c.phrases))
            for c in self.captions)
        return replace(self, boxes=tuple(self.boxes[box] for box in own), captions=captions,
                       labels=tuple(self.labels[box] for box in own) if self.labels else (),
                       coverage=replace(self.coverage, complete=False))


def read(folder: str | Path, split: str, limit: int | None = None) -> list[AnnotatedPhoto]:
    """The photos of one split, in file order; boxes beyond the first 100 and boxes without area are left out.

    Raises DataError where the file is missing or a line is broken (named by its number), and ConfigError for a limit
    below 0.
    """
    refuse_negative(limit)
    path = Path(folder) / f"entities_{split}.jsonl"
    photos: list[AnnotatedPhoto] = []
    for number, raw in itertools.islice(lines(folder, split), limit):
        try:
            photos.append(annotated(raw, Path(folder) / "images"))
        except BROKEN as error:
            raise broken_line(number, path, error) from error
    if not photos:
        raise DataError(f"{path} holds no photo.")
    return photos


def lines(folder: str | Path, split: str, kind: str = "entities") -> Iterator[tuple[int, dict]]:
    """The records of one split as they are written, each with its line number from 1; blank lines do not matter.

    kind: how the file's name begins. Raises DataError where the file is missing or a line is no json.
    """
    path = Path(folder) / f"{kind}_{split}.jsonl"
    if not path.is_file():
        raise DataError(f"There is no {path}. The folder must hold {path.name} and images/.")
    for number, line in byte_lines(path):
        if not line.strip():
            continue
        try:
            raw = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise broken_line(number, path, error) from error
        yield number, raw


def broken_line(number: int, path: Path, error: Exception) -> DataError:
    """What to raise for a line, counted from 1, that cannot be used."""
    return DataError(f"Line {number} of {path} is broken ({reason(error)}). Mend it or remove it.")


def annotated(raw: dict, images: Path) -> AnnotatedPhoto:
    """One record, whose picture lies in `images`. Raises one of `lines.BROKEN` where it is broken: BoxError for a box
    that is none or lies outside."""
    by_entity: dict[int, list[int]] = {}
    boxes: list[Fractions] = []
    labels: list[str] = []
    for number, b in enumerate(raw["boxes"][:MAX_BOXES], 1):
        x1, y1, x2, y2 = _corners(b["box"], number)
        if x2 - x1 < SMALLEST or y2 - y1 < SMALLEST:
            continue
        for entity in b.get("entities", ()):
            by_entity.setdefault(entity, []).append(len(boxes))
        boxes.append((x1, y1, x2, y2))
        labels.append(str(b.get("label", "")))
    captions = tuple(
        AnnotatedCaption(unescaped(c["text"]), tuple(_phrase(p, c["text"], by_entity) for p in c["phrases"]))
        for c in raw.get("captions", ()))
    return AnnotatedPhoto(images / raw["image"], int(raw["width"]), int(raw["height"]), tuple(boxes), captions,
                          labels=tuple(labels) if any(labels) else ())


def _corners(raw: Sequence[float], number: int) -> Fractions:
    x1, y1, x2, y2 = given = [float(v) for v in raw]
    if not all(-ROUNDING <= v <= 1 + ROUNDING for v in given) or x2 < x1 or y2 < y1:
        raise BoxError(f"box {number} must be x1, y1, x2, y2 as fractions of the picture; it is {given}")
    x1, y1, x2, y2 = (min(max(v, 0.0), 1.0) for v in given)
    return x1, y1, x2, y2


def _phrase(raw: dict, text: str, by_entity: dict[int, list[int]]) -> Phrase:
    """text: as the file holds it. The phrase counts the characters of the caption without HTML entities."""
    start, end = (raw[key] - len(text[:raw[key]]) + len(unescaped(text[:raw[key]])) for key in ("start", "end"))
    return Phrase(unescaped(text[raw["start"]:raw["end"]]), start, end, tuple(raw["types"]),
                  tuple(by_entity.get(raw["entity"], ())))


def texts(path: str | Path) -> Sequence[str]:
    """The lines of a text corpus, blank ones dropped. Raises DataError where there are none, or it is no UTF-8."""
    path = Path(path)
    if not path.is_file():
        raise DataError(f"There is no text corpus {path}.")
    lines = [line for _, line in text_lines(path) if line.strip()]
    if not lines:
        raise DataError(f"{path} holds no text.")
    return lines

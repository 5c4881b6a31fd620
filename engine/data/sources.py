"""Several data sets of annotated photos as one, each with what it annotates.

`entities_SPLIT.jsonl` (`engine.data.flickr8k`) holds captions with boxes; its boxes may have labels, as in COCO.
`boxes_SPLIT.jsonl` holds labelled boxes alone, as in PASCAL VOC: `{"image": "a.jpg", "width": 500, "height": 375,
"boxes": [{"box": [0.1, 0.2, 0.5, 0.9], "label": "dog"}]}`. Boxes with a `score` come from a detector.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from engine.data.flickr8k import AnnotatedPhoto, Coverage, annotated, broken_line, lines, read
from engine.data.lines import BROKEN, refuse_negative
from engine.data.several import sources_of
from engine.errors import PhotoError
from engine.structures.photo import Photo

SURE = 0.5  # the score from which on a detector's box is used
UNSURE_LABELS = frozenset({"book"})  # the detector of these files finds them where none are


def read_sources(sources: Sequence[str], limit: int | None = None) -> list[AnnotatedPhoto]:
    """Read annotated photos.

    Args:
        sources: Folders, each "FOLDER" for its split train or "FOLDER:SPLIT". A source given twice counts twice.
        limit: If given, only so many photos of each.

    Returns:
        The photos, source after source, each with the coverage of its source.

    Raises:
        DataError: A file is missing or a line is broken.
        ConfigError: The limit is below 0.
    """
    refuse_negative(limit)
    photos: list[AnnotatedPhoto] = []
    for source in sources_of(sources, "train"):
        photos += _read(source.folder, source.split, limit)
    return photos


def _read(folder: Path, split: str, limit: int | None) -> list[AnnotatedPhoto]:
    if (folder / f"boxes_{split}.jsonl").is_file() and not (folder / f"entities_{split}.jsonl").is_file():
        return _read_boxes(folder, split, limit)
    photos = read(folder, split, limit)
    labels = frozenset(label for photo in photos for label in photo.labels if label)
    return [replace(photo, coverage=Coverage(labels)) for photo in photos] if labels else photos


def _read_boxes(folder: Path, split: str, limit: int | None) -> list[AnnotatedPhoto]:
    photos: list[AnnotatedPhoto] = []
    detected = False
    for number, raw in itertools.islice(lines(folder, split, "boxes"), limit):
        try:
            detected |= any("score" in box for box in raw["boxes"])
            used = {**_sized(raw, folder / "images"), "boxes": [box for box in raw["boxes"] if _used(box)]}
            photos.append(annotated(used, folder / "images"))
        except BROKEN as error:
            raise broken_line(number, folder / f"boxes_{split}.jsonl", error) from error
    labels = frozenset(label for photo in photos for label in photo.labels)
    return [replace(photo, coverage=Coverage(labels, complete=not detected)) for photo in photos if photo.boxes]


def _sized(raw: dict, images: Path) -> dict:
    """The record with the size of its picture. One that cannot be read is left out when its pixels are needed."""
    if "width" in raw:
        return raw
    try:
        width, height = Photo.check(images / raw["image"])
    except PhotoError:
        width = height = 1
    return {**raw, "width": width, "height": height}


def _used(box: dict) -> bool:
    """Whether people drew the box, or a detector that is sure of it."""
    return "score" not in box or (box["score"] >= SURE and box["label"] not in UNSURE_LABELS)

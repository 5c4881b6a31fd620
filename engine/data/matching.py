"""Captions and statements to be matched with photographs, for `evaluate matching`.

A folder can hold one or more of:

    sugarcrepe_SPLIT.json   {"add_att": [{"image": "a.jpg", "caption": "…", "negative": "…"}, …], …}: by kind, captions
                            with a hard negative (SugarCrepe, Hsieh et al. 2023)
    spatial_SPLIT.jsonl     {"image": "a.jpg", "statement": "The cat is on the bed.", "label": true} in each line (VSR,
                            Liu et al. 2023)
    entities_SPLIT.jsonl    photographs with captions (`engine.data.flickr8k`)

The photographs are in `images/`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.data.flickr8k import AnnotatedPhoto, broken_line, lines, read
from engine.data.lines import BROKEN, document, reason, refuse_negative, text
from engine.errors import DataError
from engine.structures.questions import Fractions

MOST_PHOTOS = 100  # among which a caption's photo is retrieved


@dataclass(frozen=True)
class Pair:
    """A caption of a photo and a similar sentence that is wrong about it. kind: what was changed."""

    image: Path
    kind: str
    caption: str
    negative: str


@dataclass(frozen=True)
class Statement:
    """A sentence about a photo, and whether it is true."""

    image: Path
    text: str
    true: bool


@dataclass(frozen=True)
class MatchingData:
    """The parts that a folder holds; an absent part is empty.

    Attributes:
        pairs: captions with hard negatives
        statements: true and false sentences
        photos: photographs with at least one caption, whose first caption is used
        boxes: the boxes of each photo that a caption names, as fractions, by its path
        missing: the files that are not there
    """

    pairs: tuple[Pair, ...]
    statements: tuple[Statement, ...]
    photos: tuple[AnnotatedPhoto, ...]
    boxes: dict[Path, tuple[Fractions, ...]]
    missing: tuple[str, ...]


def read_matching(folder: Path, split: str, limit: int | None = None) -> MatchingData:
    """Read the parts that are there.

    Args:
        folder: of the data
        split: part of the files' names
        limit: if given, so many pairs of each kind, so many statements, and at most so many photographs

    Returns:
        All parts; the names of absent files are in `missing`.

    Raises:
        DataError: no file is there, or an entry is broken.
        ConfigError: the limit is below 0.
    """
    refuse_negative(limit)
    names = (f"sugarcrepe_{split}.json", f"spatial_{split}.jsonl", f"entities_{split}.jsonl")
    there = [(folder / name).is_file() for name in names]
    if not any(there):
        raise DataError(f"{folder} holds none of {', '.join(names)}. At least one of them is needed, beside images/.")
    annotated = read(folder, split) if there[2] else []
    captioned = [photo for photo in annotated if photo.captions][:limit][:MOST_PHOTOS]
    return MatchingData(
        _pairs(folder / names[0], folder / "images", limit) if there[0] else (),
        _statements(folder, split, limit) if there[1] else (),
        tuple(captioned), {photo.path: photo.named().boxes for photo in annotated},
        tuple(name for name, found in zip(names, there, strict=True) if not found))


def _pairs(path: Path, images: Path, limit: int | None) -> tuple[Pair, ...]:
    found: list[Pair] = []
    for kind, entries in document(path).items():
        if not isinstance(entries, list):
            raise DataError(f"{kind} in {path} must be a list of pairs. Is it the right file?")
        for number, entry in enumerate(entries[:limit], 1):
            try:
                found.append(Pair(images / text(entry, "image"), kind, text(entry, "caption"), text(entry, "negative")))
            except BROKEN as error:
                raise DataError(f"Pair {number} of {kind} in {path} is broken ({reason(error)}). Mend it or remove "
                                "it.") from error
    if not found:
        raise DataError(f"{path} holds no pair.")
    return tuple(found)


def _statements(folder: Path, split: str, limit: int | None) -> tuple[Statement, ...]:
    found: list[Statement] = []
    for number, raw in itertools.islice(lines(folder, split, "spatial"), limit):
        try:
            found.append(Statement(folder / "images" / text(raw, "image"), text(raw, "statement"), _truth(raw)))
        except BROKEN as error:
            raise broken_line(number, folder / f"spatial_{split}.jsonl", error) from error
    if not found:
        raise DataError(f"{folder / f'spatial_{split}.jsonl'} holds no statement.")
    return tuple(found)


def _truth(raw: dict[str, Any]) -> bool:
    if not isinstance(raw["label"], bool):
        raise DataError("label must be true or false")
    return raw["label"]


def kinds_of(pairs: Sequence[Pair]) -> list[str]:
    """The kinds in the order of the file."""
    return list(dict.fromkeys(pair.kind for pair in pairs))

"""Reader of VCR, Visual Commonsense Reasoning: `SPLIT.jsonl` and `vcr1images/` (Zellers et al., CVPR 2019)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from engine.data.album import Album, fractions
from engine.data.lines import BROKEN, document, reason, records
from engine.data.polygons import mask
from engine.errors import DataError
from engine.structures.questions import MASK_SIDE, ChoiceQuestion, DataSet, Pictured, Skipped, TaggedText
from engine.wording import shown

PERSONS = ("Casey", "Riley", "Jessie", "Jackie", "Avery", "Jaime", "Peyton", "Kerry", "Jody", "Kendall", "Frankie",
           "Pat", "Quinn")  # the published gender-neutral names


def read(folder: str | Path, split: str, limit: int | None = None, *, masks: bool = True,
         labelled: bool = True) -> DataSet[ChoiceQuestion]:
    """Read the questions of a split. A picture's names are its objects' classes ("person", "car", …).

    Where the text points at an object stands the object's class, or for persons the next of the published names,
    round and round along the file; the published code draws on in the order of training. A picture with a box that
    cannot be used is skipped whole, since the text counts the boxes.

    Args:
        folder: holds `SPLIT.jsonl` and `vcr1images/`
        split: train, val or test
        limit: at most that many questions
        masks: whether the pictures carry their segmentation, which only a detector with stage5 = region uses
        labelled: without it questions without labels are read, too; if there are any, the data count as unlabelled

    Returns:
        The questions in file order.

    Raises:
        DataError: the file is missing, the split has no labels, or nothing can be used
    """
    path = Path(folder) / f"{split}.jsonl"
    album, skipped, persons = Album(), Skipped(), cycle(PERSONS)
    usable: list[ChoiceQuestion] = []
    labels: set[bool] = set()  # whether questions have them
    for number, raw in records(path, skipped):
        if limit is not None and len(usable) >= limit:
            break
        if "answer_choices" in raw:
            labels.add("answer_label" in raw)
        given = raw if labelled or "answer_label" in raw else {**raw, "answer_label": 0, "rationale_label": 0}
        try:
            usable.append(_question(given, album, Path(folder) / "vcr1images", persons, masks))
        except BROKEN as error:
            skipped.add(f"line {number}: {reason(error)}")
    if labels == {False} and labelled:
        raise DataError(f"No line of {path} has an answer_label: the right answers of VCR's test split are not public. "
                        "Choose train or val; `evaluate --answers` writes the model's own for the test server.")
    return DataSet(album.pictures, tuple(usable), skipped, labelled=labelled or False not in labels)


def _question(raw: dict[str, Any], album: Album, images: Path, persons: Iterator[str],
              masks: bool) -> ChoiceQuestion:
    answer, rationale = _label(raw, "answer_label"), _label(raw, "rationale_label")
    objects = list(_names(raw, "objects"))
    names = [next(persons) if name == "person" else name for name in objects]
    question = tagged(raw["question"], names)
    answers, reasons = (tuple(tagged(choice, names) for choice in raw[key])
                        for key in ("answer_choices", "rationale_choices"))
    picture = album.number(images / raw["img_fn"], lambda path: _pictured(path, images / raw["metadata_fn"], masks))
    if list(album[picture].names) != objects:
        raise DataError(f"it names the objects {shown(objects)}; its picture has {shown(album[picture].names)}")
    return ChoiceQuestion(picture, question, answers, answer, reasons, rationale, id=raw.get("annot_id"))


def _label(raw: dict[str, Any], key: str) -> int:
    if type(raw[key]) is not int:
        raise DataError(f"{key} must be a whole number; it is {shown(raw[key])}")
    return int(raw[key])


def _names(raw: dict[str, Any], key: str) -> tuple[str, ...]:
    if not isinstance(raw[key], list) or not all(isinstance(name, str) for name in raw[key]):
        raise DataError(f"{key} must be a list of words; it is {shown(raw[key])}")
    return tuple(raw[key])


def tagged(tokens: object, names: Sequence[str]) -> TaggedText:
    """Words and lists of objects (counted from 0) as words with tags: [0, 2] becomes "Casey and car", tags 1, 0, 3.

    Raises DataError where there is no list, a token is neither, or an object does not exist.
    """
    if not isinstance(tokens, list):
        raise DataError(f"a text must be a list of words and of lists of objects; it is {shown(tokens)}")
    words: list[str] = []
    tags: list[int] = []
    for token in tokens:
        if isinstance(token, str):
            words.append(token)
            tags.append(0)
            continue
        if not isinstance(token, list) or not all(type(thing) is int for thing in token):
            raise DataError(f"its text holds {shown(token)}; expected words and lists of objects")
        for place, thing in enumerate(token):
            if not 0 <= thing < len(names):
                raise DataError(f"its text names object {thing}; the picture has {len(names)}, counted from 0")
            words.extend(["and", names[thing]] if place else [names[thing]])
            tags.extend([0, thing + 1] if place else [thing + 1])
    if not words:
        raise DataError("one of its texts is empty")
    return TaggedText(tuple(words), tuple(tags))


def _pictured(path: Path, metadata: Path, segmented: bool) -> Pictured:
    """The boxes, classes and, where asked for, masks [K, 14, 14] that the metadata file of a picture gives."""
    raw = document(metadata, "boxes", "names", "width", "height", *(["segms"] if segmented else []))
    boxes = tuple(fractions(box[:4], raw["width"], raw["height"]) for box in raw["boxes"])
    if not segmented:
        return Pictured(path, boxes, _names(raw, "names"))
    masks = np.zeros((len(boxes), MASK_SIDE, MASK_SIDE), np.float32)
    for place, (polygons, box) in enumerate(zip(raw["segms"], raw["boxes"], strict=True)):
        masks[place] = mask(polygons, box)
    return Pictured(path, boxes, _names(raw, "names"), masks)

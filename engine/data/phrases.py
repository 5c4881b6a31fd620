"""Phrases of captions as referring expressions: which boxes do they name (Flickr30k Entities, Plummer et al. 2015)."""

from __future__ import annotations

from pathlib import Path

from engine.data.flickr8k import annotated
from engine.data.lines import BROKEN, reason, records
from engine.errors import DataError
from engine.structures.photo import Photo
from engine.structures.questions import DataSet, Pictured, ReferringExpression, Skipped


def expressions(folder: str | Path, split: str, limit: int | None = None) -> DataSet[ReferringExpression]:
    """Every phrase with a box, in its caption; kinds: the categories of its entity. limit: at most that many photos.

    Raises DataError where the file is missing or nothing can be used.
    """
    path = Path(folder) / f"entities_{split}.jsonl"
    pictures: list[Pictured] = []
    found: list[ReferringExpression] = []
    skipped = Skipped()
    for number, raw in records(path, skipped):
        if limit is not None and len(pictures) >= limit:
            break
        try:
            photo = annotated(raw, path.parent / "images")
            if not photo.path.is_file():
                raise DataError(f"there is no picture {photo.path}")
            Photo.check(photo.path)
        except BROKEN as error:
            skipped.add(f"line {number}: {reason(error)}")
            continue
        for caption in photo.captions:
            for phrase in caption.phrases:
                if phrase.boxes and phrase.text.strip():
                    found.append(ReferringExpression(len(pictures), phrase.text, phrase.boxes, caption.text,
                                                     phrase.types))
                elif phrase.boxes:
                    skipped.add(f"line {number}: characters {phrase.start} to {phrase.end} of a caption are no words")
        pictures.append(Pictured(photo.path, photo.boxes))
    return DataSet(tuple(pictures), tuple(found), skipped)

"""Pictures that cannot be read are left out with their questions or captions, at whatever stage, and counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from engine.data.flickr8k import AnnotatedPhoto
from engine.errors import DataError, PhotoError
from engine.progress import counted
from engine.structures.photo import Photo
from engine.structures.questions import ChoiceQuestion, DataSet, OpenQuestion, ReferringExpression, Skipped

Q = TypeVar("Q", OpenQuestion, ChoiceQuestion, ReferringExpression)


@dataclass
class Unreadable:
    """The pictures that are left out, and how many of `what` (question, caption) are left out with them."""

    what: str = "question"
    pictures: Skipped = field(default_factory=Skipped)
    count: int = 0

    def add(self, why: str, count: int) -> None:
        """One picture, named by the message of its PhotoError."""
        self.pictures.add(why)
        self.count += count

    def __str__(self) -> str:
        more = " …" if self.pictures.count > len(self.pictures.named) else ""
        return (f"{_number(self.pictures.count, 'picture')} cannot be read, which leaves out "
                f"{_number(self.count, self.what)}: {' '.join(self.pictures.named)}{more}")


def _number(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


def with_readable_pictures(data: DataSet[Q], why: Mapping[int, str]) -> tuple[DataSet[Q], Unreadable]:
    """Leave out the questions about pictures that cannot be read.

    Args:
        data: questions; the pictures keep their numbers
        why: by the number of a picture, what is wrong with it

    Returns:
        The other questions, and what was left out, which `skipped` counts, too.

    Raises:
        DataError: nothing is left.
    """
    left_out = Unreadable()
    if not why:
        return data, left_out
    asked: dict[int, int] = {}
    for question in data.questions:
        asked[question.picture] = asked.get(question.picture, 0) + 1
    for picture, count in asked.items():
        if picture in why:
            left_out.add(why[picture], count)
    kept = tuple(q for q in data.questions if q.picture not in why)
    if not kept:
        raise DataError(f"There is nothing to use in this data: {left_out}")
    skipped = Skipped(data.skipped.count + left_out.count, [*data.skipped.named])
    return replace(data, questions=kept, skipped=skipped), left_out


def unreadable_photos(photos: Sequence[AnnotatedPhoto]) -> dict[int, str]:
    """Decode every photo, one that is given twice only once.

    Args:
        photos: of one or several data sets

    Returns:
        By the number of a photo that cannot be read, what is wrong with it.
    """
    found: dict[Path | bytes, str] = {}
    for photo in counted(photos, "photos checked"):
        if photo.source not in found:
            try:
                Photo.open(photo.source)
                found[photo.source] = ""
            except PhotoError as error:
                found[photo.source] = str(error)
    return {number: why for number, photo in enumerate(photos) if (why := found[photo.source])}


def readable_photos(photos: Sequence[AnnotatedPhoto]) -> tuple[list[AnnotatedPhoto], Unreadable]:
    """The photos that can be read, and the others. All are decoded. Raises DataError where none is left."""
    why = unreadable_photos(photos)
    left_out = _without(photos, why)
    return [photo for number, photo in enumerate(photos) if number not in why], left_out


def silenced(photos: Sequence[AnnotatedPhoto], why: Mapping[int, str]) -> tuple[list[AnnotatedPhoto], Unreadable]:
    """The same photos, where those that cannot be read have no box and no caption, so that nothing uses them.

    Args:
        photos: of a training; their numbers stay, since features are kept by number
        why: by the number of a photo, what is wrong with it

    Raises:
        DataError: no photo is left.
    """
    left_out = _without(photos, why)
    return [replace(photo, boxes=(), captions=()) if number in why else photo
            for number, photo in enumerate(photos)], left_out


def _without(photos: Sequence[AnnotatedPhoto], why: Mapping[int, str]) -> Unreadable:
    left_out = Unreadable("caption")
    for number, error in why.items():
        left_out.add(error, len(photos[number].captions))
    if len(why) == len(photos):
        raise DataError(f"There is nothing to use in this data: {left_out}")
    return left_out

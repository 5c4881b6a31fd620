"""Reader of COCO's captions: `annotations/captions_SPLITYEAR.json` and the folder SPLITYEAR (Chen et al., 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.data.flickr8k import AnnotatedCaption, AnnotatedPhoto
from engine.data.lines import BROKEN, found, lists, reason, text
from engine.errors import DataError
from engine.structures.questions import Skipped


@dataclass(frozen=True)
class CaptionedPhotos:
    """Photos with their captions and without boxes, and what was left out. Raises DataError where nothing is left."""

    photos: tuple[AnnotatedPhoto, ...]
    skipped: Skipped = field(default_factory=Skipped)

    def __post_init__(self) -> None:
        if not self.photos:
            raise DataError(f"There is nothing to use in this data ({self.skipped}).")


def read(folder: str | Path, split: str, year: int = 2017, limit: int | None = None) -> CaptionedPhotos:
    """The photos of a split (train or val) of 2014 or 2017, in file order. limit: at most that many photos.

    Raises DataError where the file is missing or no json, and where nothing can be used.
    """
    folder, name = Path(folder), f"captions_{split}{year}.json"
    images, annotations = lists(found(folder / "annotations" / name, folder / name), "images", "annotations")
    skipped = Skipped()
    captions = _by_image(annotations, skipped)
    photos: list[AnnotatedPhoto] = []
    for place, image in enumerate(images, 1):
        if limit is not None and len(photos) >= limit:
            break
        try:
            photos.append(_photo(image, captions, folder / f"{split}{year}"))
        except BROKEN as error:
            skipped.add(f"image {place}: {reason(error)}")
    return CaptionedPhotos(tuple(photos), skipped)


def _by_image(annotations: Sequence[dict[str, Any]], skipped: Skipped) -> dict[int, list[AnnotatedCaption]]:
    by_image: dict[int, list[AnnotatedCaption]] = {}
    for place, raw in enumerate(annotations, 1):
        try:
            by_image.setdefault(int(raw["image_id"]), []).append(AnnotatedCaption(text(raw, "caption"), ()))
        except BROKEN as error:
            skipped.add(f"annotation {place}: {reason(error)}")
    return by_image


def _photo(raw: dict[str, Any], captions: dict[int, list[AnnotatedCaption]], images: Path) -> AnnotatedPhoto:
    path = images / raw["file_name"]
    if not path.is_file():
        raise DataError(f"there is no picture {path}")
    if int(raw["id"]) not in captions:
        raise DataError(f"{path.name} has no caption")
    width, height = int(raw["width"]), int(raw["height"])
    if width <= 0 or height <= 0:
        raise DataError(f"{path.name} has the size {width} x {height}")
    return AnnotatedPhoto(path, width, height, (), tuple(captions[int(raw["id"])]))

"""The detector's features of a data set, computed once and kept on disk (float16)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.data.feature_files import Found, HasBoxes, write
from engine.detector.detector import Detector
from engine.detector.elsewhere import Elsewhere, asked_from
from engine.errors import DataError, PhotoError
from engine.precision import autocast
from engine.progress import Progress, silent
from engine.structures.boxes import Boxes
from engine.structures.example import Regions
from engine.structures.photo import Photo


class FeatureCache:
    """A folder with `features.f16`, `boxes.f32` and `index.json`: of each photo its annotated boxes, then its own
    detections, best first. Region 0 (the whole picture) is put in front when read.

    made: what the features were made from. unreadable: by the number of a photo why it could not be read; it has no
    regions. Raises DataError where the folder is missing, incomplete or belongs to other photos.
    """

    made: Mapping[str, Any]
    unreadable: Mapping[int, str]

    def __init__(self, folder: str | Path, photos: Sequence[HasBoxes]) -> None:
        folder = Path(folder)
        if not folder.exists():
            raise DataError(f"There are no features in {folder}. Compute them first: run `pretrain --stages features` "
                            "with the same --views.")
        try:
            index = json.loads((folder / "index.json").read_text())
            rows = index["rows"]
            shape = (rows, index["width"])
            self._features: np.ndarray = (np.memmap(folder / "features.f16", np.float16, "r", shape=shape) if rows
                                          else np.zeros(shape, np.float16))  # a map of nothing is refused
            self._boxes = np.fromfile(folder / "boxes.f32", np.float32).reshape(rows, 4)
        except (OSError, KeyError, ValueError) as error:
            raise DataError(f"{folder} is no complete feature cache ({error}). Remove that folder to have it "
                            "computed anew.") from error
        same = index["annotated"] == [len(p.boxes) for p in photos]
        if index["images"] != [p.path.name for p in photos] or not same:
            raise DataError(f"{folder} was computed for other photos. Remove that folder to have it computed anew.")
        self._starts: list[int] = index["starts"]
        self.made = index.get("made", {})
        self.unreadable = {int(number): why for number, why in index.get("unreadable", {}).items()}
        self._annotated: list[int] = [0 if number in self.unreadable else count
                                      for number, count in enumerate(index["annotated"])]

    @classmethod
    def none(cls, photos: int, width: int) -> FeatureCache:
        """Of so many photos nothing was computed before: no regions at all."""
        cache = cls.__new__(cls)
        cache._features, cache._boxes = np.zeros((0, width), np.float16), np.zeros((0, 4), np.float32)
        cache._starts, cache._annotated = [0] * (photos + 1), [0] * photos
        cache.made, cache.unreadable = {}, {}
        return cache

    @property
    def width(self) -> int:
        """Of a feature."""
        return int(self._features.shape[1])

    def all_features(self, count: int) -> Iterator[Tensor]:
        """Every row, `count` at a time, [K, 2048] float16."""
        for start in range(0, len(self._features), count):
            yield torch.from_numpy(np.array(self._features[start:start + count]))

    def annotated(self, photo: int) -> int:
        """How many annotated boxes this photo has (they are regions 1 to that number)."""
        return self._annotated[photo]

    def detected(self, photo: int) -> int:
        return self._starts[photo + 1] - self._starts[photo] - self._annotated[photo]

    def rows(self, photo: int, detections: Sequence[int]) -> list[int]:
        """Where these detections of a photo are among all rows."""
        return [self._starts[photo] + self._annotated[photo] + d for d in detections]

    def detected_boxes(self, photo: int, detections: Sequence[int]) -> Tensor:
        """Where these detections lie, [K, 4] as fractions."""
        return torch.from_numpy(self._boxes[self.rows(photo, detections)]).reshape(-1, 4)

    def boxes(self, photo: int) -> Tensor:
        """All boxes of a photo, the annotated ones first, [K, 4] as fractions."""
        return torch.from_numpy(self._boxes[self._starts[photo]:self._starts[photo + 1]].copy())

    def regions(self, photo: int, detections: Sequence[int] = ()) -> Regions:
        """Region 0, the annotated ones, then those detections (counted from 0)."""
        start = self._starts[photo]
        return self._read([*range(start, start + self._annotated[photo]), *self.rows(photo, detections)])

    def detections(self, photo: int, detections: Sequence[int]) -> Regions:
        """Region 0, then these detections alone: a photo as nobody annotated it."""
        return self._read(self.rows(photo, detections))

    def _read(self, rows: Sequence[int]) -> Regions:
        features = torch.from_numpy(self._features[rows].astype(np.float32)).reshape(len(rows), self.width)
        boxes = torch.from_numpy(self._boxes[rows]).reshape(len(rows), 4)
        return with_whole_picture(features, boxes)


def with_whole_picture(features: Tensor, boxes: Tensor, alone: Tensor | None = None) -> Regions:
    """Put region 0 in front: the mean of the features and the whole picture's box.

    features [K, 2048], boxes [K, 4] as fractions. alone: [1, 2048], what region 0 shows where there is no other.
    """
    if len(features):
        mean = features.mean(dim=0, keepdim=True)
    else:
        mean = features.new_zeros(1, features.shape[1]) if alone is None else alone
    whole = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    return Regions(torch.cat([mean, features]), torch.cat([whole, boxes]))


@torch.inference_mode()
def compute(detector: Detector | Elsewhere, photos: Sequence[HasBoxes], folder: str | Path,
            progress: Progress = silent, detections: bool | None = True, made: Mapping[str, Any] | None = None) -> None:
    """Fill a cache with the features of every photo's annotated boxes and of the detector's own regions.

    What an interrupted call left in `folder` is continued. A photo that cannot be read gets no regions, and the cache
    says why (`FeatureCache.unreadable`).

    Args:
        detector: computes where it is
        photos: pictures and their boxes
        folder: of the cache
        progress: called after each photo
        detections: whether the detector's own regions are added; None adds them to photos without boxes
        made: what the features are made from, kept in the cache

    Raises:
        DiskError: the disk is full or refuses.
    """
    write(folder, photos, lambda first: _features(detector, photos[first:], detections), progress, made)


def _features(detector: Detector | Elsewhere, photos: Sequence[HasBoxes], detections: bool | None) -> Iterator[Found]:
    device = asked_from(detector)
    for photo in photos:
        try:
            opened = Photo.open(photo.path)
        except PhotoError as error:
            yield error
            continue
        picture = detector.transform.picture(opened).to(device)
        height, width = picture.shape[1:]
        with autocast(device.type):
            maps = detector.fast_rcnn.maps(picture[None])
            own = Boxes.from_fractions(photo.boxes, width, height).xyxy.to(device)
            if detections or (detections is None and not photo.boxes):
                own = torch.cat([own, detector.regions(maps, height, width).boxes])
            features = detector.fast_rcnn.features(maps, [own])
        yield len(photo.boxes), Boxes(own.cpu(), width, height).fractions, features.float().cpu()

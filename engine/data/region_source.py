"""Where a task's regions come from: a cache on disk, or the detector at each step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch

from engine.data.features import FeatureCache
from engine.detector.fast_rcnn import FastRCNN
from engine.detector.transform import Transform
from engine.structures.boxes import Boxes
from engine.structures.example import Regions
from engine.structures.photo import Photo
from engine.structures.questions import MASK_SIDE, Pictured


class RegionSource(Protocol):
    """Regions of pictures by their numbers."""

    def given(self, picture: int) -> int:
        """How many boxes came with the picture: they are regions 1 to that number."""

    def detected(self, picture: int) -> int:
        """How many regions of the detector's own can be added."""

    def regions(self, asked: Sequence[tuple[int, Sequence[int]]]) -> list[Regions]:
        """For each (picture, detections, counted from 0): region 0, the given boxes, those detections."""


class CachedRegions:
    """From a `FeatureCache`: the detector stays as it is.

    views: more looks at the same pictures (`engine.data.views`); each asking draws one of all, from torch's own
    generator, as dropout does.
    """

    def __init__(self, cache: FeatureCache, views: Sequence[FeatureCache] = ()) -> None:
        self.cache = cache
        self.looks = (cache, *views)

    def given(self, picture: int) -> int:
        return self.cache.annotated(picture)

    def detected(self, picture: int) -> int:
        return self.cache.detected(picture)

    def regions(self, asked: Sequence[tuple[int, Sequence[int]]]) -> list[Regions]:
        drawn = torch.randint(len(self.looks), (len(asked),)).tolist() if len(self.looks) > 1 else [0] * len(asked)
        return [self.looks[look].regions(*one) for look, one in zip(drawn, asked, strict=True)]


class LiveRegions:
    """From the Fast R-CNN itself, which is trained along (end to end): given boxes only, with their masks if any."""

    def __init__(self, fast_rcnn: FastRCNN, transform: Transform, pictures: Sequence[Pictured]) -> None:
        self.fast_rcnn, self.transform = fast_rcnn, transform
        self.pictures = pictures

    def given(self, picture: int) -> int:
        return len(self.pictures[picture].boxes)

    def detected(self, picture: int) -> int:
        return 0

    def regions(self, asked: Sequence[tuple[int, Sequence[int]]]) -> list[Regions]:
        numbers = sorted({picture for picture, _ in asked})
        seen = {i: self._see(self.pictures[i]) for i in numbers}
        return [seen[picture] for picture, _ in asked]

    def _see(self, pictured: Pictured) -> Regions:
        picture = self.transform.picture(Photo.open(pictured.path))
        height, width = picture.shape[1:]
        own = Boxes.from_fractions(pictured.boxes, width, height)
        places = Boxes.whole(width, height).joined(own).xyxy
        masks = None
        if pictured.masks is not None:
            masks = [torch.cat([torch.ones(1, MASK_SIDE, MASK_SIDE), torch.from_numpy(pictured.masks)])]
        features = self.fast_rcnn.features(self.fast_rcnn.maps(picture[None]), [places], masks)
        return Regions(features, torch.cat([torch.tensor([[0.0, 0.0, 1.0, 1.0]]), own.fractions]))

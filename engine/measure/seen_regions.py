"""Regions for measuring: as the studio sees a picture, with the predictor's own preparation."""

from __future__ import annotations

from collections.abc import Sequence

from engine.predictor import Predictor
from engine.structures.example import Regions
from engine.structures.photo import Photo
from engine.structures.questions import Pictured


class SeenRegions:
    """A `RegionSource`: of each picture its given boxes, or, where `own` is set or none are given, the detector's own.

    The regions of the last picture are kept, so ask picture by picture.
    """

    def __init__(self, predictor: Predictor, pictures: Sequence[Pictured], *, own: bool = False) -> None:
        self.predictor, self.pictures, self.own = predictor, pictures, own
        self._last: tuple[int, Regions] = (-1, Regions.none())

    def given(self, picture: int) -> int:
        return 0 if self.own else len(self.pictures[picture].boxes)

    def detected(self, picture: int) -> int:
        return 0 if self.given(picture) else len(self._see(picture)) - 1

    def regions(self, asked: Sequence[tuple[int, Sequence[int]]]) -> list[Regions]:
        found = []
        for picture, detections in asked:
            seen = self._see(picture)
            found.append(seen if self.given(picture) else seen[[0, *(1 + d for d in detections)]])
        return found

    def _see(self, picture: int) -> Regions:
        if self._last[0] != picture:
            pictured = self.pictures[picture]
            boxes = pictured.boxes if self.given(picture) else None
            self._last = picture, self.predictor.see(Photo.open(pictured.path), boxes).regions
        return self._last[1]

"""The features of pictures, plain and in further views, computed once and kept in folders side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from engine.data.feature_files import HasBoxes
from engine.data.features import FeatureCache, compute
from engine.data.views import compute_view
from engine.detector.detector import Detector
from engine.detector.elsewhere import Elsewhere
from engine.progress import Progress
from engine.training.materials import digest_of, pixels_of, whole
from engine.training.origin import of_tensors, refuse_other

REMEDY = "Remove that folder to have it computed anew, or give another one for this run."


@dataclass(frozen=True)
class Looks:
    """Plain features in `folder`, and so many `views` of the same pictures beside it, drawn from `seed`.

    mirror: every other view is mirrored, which is right only for words that never tell left from right.
    """

    folder: Path
    views: int
    mirror: bool = True
    seed: int = 0

    def view(self, number: int) -> Path:
        """The folder of a view, counted from 1."""
        kind = "view" if self.mirror else "unmirrored-view"
        return self.folder.with_name(f"{self.folder.name}-{kind}-{number}")

    def compute(self, detector: Detector | Elsewhere, pictures: Sequence[HasBoxes],
                told: Callable[[str], Progress], *, detections: bool | None = True, digest: str = "") -> None:
        """Compute what is not there yet, from where an interrupted call stopped.

        told: the progress of each, by its name. digest: that of the pictures, if it is known
        (`engine.training.materials.digest_of`).

        Raises ConfigError where something is there that another detector made, or the same otherwise, or of the same
        pictures with other pixels or boxes.
        """
        made = {"detector": of_tensors(detector), "detections": detections,
                "pictures": digest or digest_of(pictures, pixels_of(pictures))}
        whole(self.folder, partial(compute, detector, pictures, detections=detections, progress=told("features"),
                                   made=made), resumable=True)
        plain = FeatureCache(self.folder, pictures)
        refuse_other(plain.made, made, self.folder, REMEDY)
        for number in range(1, 1 + self.views):
            whole(self.view(number), partial(
                compute_view, detector, pictures, plain, number, mirrored=self.mirror and number % 2 == 1,
                seed=self.seed, progress=told(f"view {number}")), resumable=True)
            refuse_other(FeatureCache(self.view(number), pictures).made, {**made, "seed": self.seed},
                         self.view(number), REMEDY)

    def refuse_other(self, detector: Detector, pictures: Sequence[HasBoxes]) -> None:
        """Raises ConfigError where another detector computed the plain features, DataError where they are missing."""
        refuse_other(FeatureCache(self.folder, pictures).made, {"detector": of_tensors(detector)}, self.folder, REMEDY)

    def caches(self, pictures: Sequence[HasBoxes]) -> tuple[FeatureCache, list[FeatureCache]]:
        """What `compute` left: the plain features, and the views. Raises DataError where one is missing."""
        views = [FeatureCache(self.view(number), pictures) for number in range(1, 1 + self.views)]
        return FeatureCache(self.folder, pictures), views


def unreadable(caches: Sequence[FeatureCache]) -> dict[int, str]:
    """By the number of a picture why it could not be read, in whichever cache."""
    return {number: why for cache in caches for number, why in cache.unreadable.items()}

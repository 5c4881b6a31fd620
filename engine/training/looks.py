"""The features of pictures, plain and in further views, computed once and kept in folders side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from engine.data.features import FeatureCache, HasBoxes, compute
from engine.data.views import compute_view, views_beside
from engine.detector.detector import Detector
from engine.progress import Progress
from engine.training.materials import whole


def look(detector: Detector, pictures: Sequence[HasBoxes], folder: Path, views: int, told: Callable[[str], Progress], *,
         detections: bool = True, mirror: bool = True, seed: int = 0) -> None:
    """Compute what is not there yet: `folder`, and so many views beside it, drawn from `seed`.

    mirror: every other view is mirrored. told: the progress of each, by its name.
    """
    whole(folder, partial(compute, detector, pictures, detections=detections, progress=told("features")))
    plain = FeatureCache(folder, pictures)
    for number, view in enumerate(views_beside(folder, views, mirror=mirror), 1):
        whole(view, partial(compute_view, detector, pictures, plain, number, mirror=mirror, seed=seed,
                            progress=told(f"view {number}")))


def caches(pictures: Sequence[HasBoxes], folder: Path, views: int, *,
           mirror: bool = True) -> tuple[FeatureCache, list[FeatureCache]]:
    """What `look` left: the plain features, and the views. Raises DataError where one is missing."""
    plain, *others = (FeatureCache(own, pictures) for own in (folder, *views_beside(folder, views, mirror=mirror)))
    return plain, others

"""A photo as the detector saw it, and what is asked about it."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from engine.structures.boxes import Boxes
from engine.structures.example import Regions
from engine.structures.photo import Photo


@dataclass(frozen=True, eq=False)
class Seen:
    """A photo and its R regions, region 0 being the whole picture.

    boxes: in the photo's pixels. labels, probabilities: the detector's class of each region and its probability among
    all classes (0..1). scores: what the detector ranks its regions by, how sure it is that anything is there (0..1).
    regions: features. picture: the detector's input, [3, h, w]. hidden: the features under the last few sets of hidden
    pixels. novelty: how unlike the training photographs the photo is; over 1 it is unlike them. None where the weights
    have no measure of it.
    """

    photo: Photo
    boxes: Boxes
    labels: tuple[str, ...]
    scores: tuple[float, ...]
    regions: Regions
    picture: Tensor
    probabilities: tuple[float, ...]
    novelty: float | None = None
    hidden: dict[tuple[int, ...], Regions] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Inquiry:
    """What is asked about a photo.

    hidden_words: places in the caption, from 0; hidden_regions: from 1. masking: "feature" hides a region's feature;
    "pixels" also blackens its pixels before the detector, so that overlapping regions cannot give it away.
    """

    seen: Seen
    caption: str
    hidden_words: tuple[int, ...] = ()
    hidden_regions: tuple[int, ...] = ()
    masking: str = "feature"

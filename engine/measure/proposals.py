"""How many annotated boxes the detector's own regions meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from engine.data.flickr8k import AnnotatedPhoto
from engine.predictor import Predictor
from engine.progress import counted
from engine.structures.boxes import Boxes
from engine.structures.photo import Photo

COUNTS = (10, 20, 36)
MET = 0.5  # IoU
LARGE = 0.02  # a box that covers more of the picture is large


@dataclass(frozen=True)
class Recall:
    """How many regions it takes to meet each annotated box.

    first: of each box the number of regions, best first, up to the one that meets it (inf: none does); region 0, the
    whole picture, is the first. kinds: the categories of entity of each box. areas: the share of the picture that it
    covers.
    """

    first: list[float]
    kinds: list[frozenset[str]]
    areas: list[float]

    def overall(self) -> dict[str, float]:
        """The shares of all boxes and of the large ones that so many regions meet."""
        large = [f for f, area in zip(self.first, self.areas, strict=True) if area > LARGE]
        return ({f"recall_at_{k}": _share(self.first, k) for k in COUNTS}
                | {f"large_recall_at_{k}": _share(large, k) for k in COUNTS}
                | {"n": len(self.first), "n_large": len(large)})

    def by_kind(self) -> dict[str, dict[str, float]]:
        found = {}
        for kind in sorted(frozenset().union(*self.kinds)):
            own = [f for f, kinds in zip(self.first, self.kinds, strict=True) if kind in kinds]
            found[kind] = {f"recall_at_{k}": _share(own, k) for k in COUNTS} | {"n": len(own)}
        return found


@torch.inference_mode()
def recall(predictor: Predictor, photos: Sequence[AnnotatedPhoto]) -> Recall:
    """Of every annotated box of every photo."""
    first, kinds, areas = [], [], []
    for photo in counted(photos, "photos"):
        seen = predictor.see(Photo.open(photo.path))
        truth = Boxes.from_fractions(photo.boxes, seen.boxes.width, seen.boxes.height)
        met = truth.iou(seen.boxes) >= MET  # [G, R]
        for box in range(len(truth)):
            places = met[box].nonzero()
            first.append(float(places[0]) + 1 if len(places) else float("inf"))
            kinds.append(frozenset(t for p in photo.phrases_of(box) for t in p.types))
            x1, y1, x2, y2 = photo.boxes[box]
            areas.append((x2 - x1) * (y2 - y1))
    return Recall(first, kinds, areas)


def _share(first: Sequence[float], count: int) -> float:
    return sum(f <= count for f in first) / len(first) if first else float("nan")

"""How much of a hidden region the overlapping ones give away: hidden pixels against a hidden feature."""

from __future__ import annotations

import torch

from engine.explain.results import Leak
from engine.predictor import Seen
from engine.structures.prediction import Prediction


def leaks(seen: Seen, feature: Prediction, pixels: Prediction) -> tuple[Leak, ...]:
    """The same question answered in both ways -> one of each hidden region."""
    hidden = {answer.index for answer in feature.regions}
    return tuple(
        Leak(one.index, one.truth, one.probability, other.probability, one.best[0].text, other.best[0].text,
             _overlap(seen, one.index, hidden))
        for one, other in zip(feature.regions, pixels.regions, strict=True))


def _overlap(seen: Seen, region: int, hidden: set[int]) -> float:
    """Largest share of a region's area that lies in one other region that is not hidden, 0..1."""
    boxes = seen.boxes.xyxy
    own = boxes[region]
    shares = []
    for other in range(1, len(boxes)):
        if other not in hidden:
            sides = torch.minimum(own[2:], boxes[other, 2:]) - torch.maximum(own[:2], boxes[other, :2])
            shares.append(float(sides.clamp(min=0).prod() / (own[2:] - own[:2]).prod()))
    return max(shares, default=0.0)

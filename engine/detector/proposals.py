"""From maps to boxes: region proposal network, box refinement and class-aware suppression.

Faster R-CNN (Ren et al. 2015) in outline: anchors on the stage-4 map are scored and moved, the best become
proposals, each proposal is classified and moved once more. Deltas are (dx, dy, dw, dh) relative to a box.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchvision.ops import batched_nms, nms, roi_align

STRIDE = 16  # of the stage-4 map
RATIOS = (0.5, 1.0, 2.0)  # height / width
LARGEST_GROWTH = math.log(4.0)  # a refinement makes a box at most 4 times as wide or high


def encode(boxes: Tensor, targets: Tensor) -> Tensor:
    """[K, 4] deltas that move `boxes` onto `targets` (both [K, 4], x1 y1 x2 y2)."""
    size = (boxes[:, 2:] - boxes[:, :2]).clamp(min=1)
    goal = (targets[:, 2:] - targets[:, :2]).clamp(min=1)
    shift = (targets[:, :2] + goal / 2 - boxes[:, :2] - size / 2) / size
    return torch.cat([shift, (goal / size).log()], dim=1)


def decode(boxes: Tensor, deltas: Tensor) -> Tensor:
    """The inverse of `encode`: [K, 4] moved boxes."""
    size = (boxes[:, 2:] - boxes[:, :2]).clamp(min=1)
    centre = boxes[:, :2] + size / 2 + deltas[:, :2] * size
    half = size * deltas[:, 2:].clamp(-LARGEST_GROWTH, LARGEST_GROWTH).exp() / 2
    return torch.cat([centre - half, centre + half], dim=1)


def anchors(height: int, width: int, scales: Sequence[float]) -> Tensor:
    """Anchor boxes for a stage-4 map.

    Args:
        height: Of the map, in places.
        width: Of the map, in places.
        scales: Sides of the anchors as shares of the picture's longer side.

    Returns:
        [height * width * A, 4] boxes in input pixels, A = scales times `RATIOS`.
    """
    side = max(height, width) * STRIDE
    shapes = torch.tensor([(s * side * r ** -0.5, s * side * r ** 0.5) for s in scales for r in RATIOS])
    return anchor_grid(shapes, height, width, offset=0.5)


def anchor_grid(shapes: Tensor, height: int, width: int, offset: float) -> Tensor:
    """[height * width * A, 4] boxes of A shapes [A, 2] (width, height in input pixels), on the shapes' device.

    offset: where in each place of the stage-4 map the centres lie; 0 its corner, 0.5 its middle.
    """
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    centre = (torch.stack([x, y], dim=-1).to(shapes) + offset).reshape(-1, 1, 2) * STRIDE
    return torch.cat([centre - shapes / 2, centre + shapes / 2], dim=-1).reshape(-1, 4)


class ProposalNetwork(nn.Module):
    """Scores and moves A anchors at each place of the stage-4 map; `scales` are those of `anchors`."""

    def __init__(self, scales: Sequence[float], channels: int = 1024, width: int = 256) -> None:
        super().__init__()
        self.scales = tuple(scales)
        count = len(self.scales) * len(RATIOS)
        self.reduce = nn.Conv2d(channels, width, 1)
        self.look = nn.Conv2d(width, width, 3, padding=1)
        self.objectness = nn.Conv2d(width, count, 1)
        self.deltas = nn.Conv2d(width, 4 * count, 1)

    def forward(self, stage4: Tensor) -> tuple[Tensor, Tensor]:
        """stage4 [B, 1024, h, w] -> objectness logits [B, h*w*A], deltas [B, h*w*A, 4]."""
        b = stage4.shape[0]
        seen = torch.relu(self.look(torch.relu(self.reduce(stage4))))
        objectness = self.objectness(seen).permute(0, 2, 3, 1).reshape(b, -1)
        deltas = self.deltas(seen).permute(0, 2, 3, 1).reshape(b, -1, 4)
        return objectness.float(), deltas.float()

    @staticmethod
    def best(objectness: Tensor, deltas: Tensor, places: Tensor, height: int, width: int,
             count: int, overlap: float = 0.7) -> tuple[Tensor, Tensor]:
        """For one picture: at most `count` moved anchors [K, 4] in input pixels, best first, and their scores [K]."""
        scores, top = objectness.sigmoid().topk(min(6 * count, len(objectness)))
        boxes = clip(decode(places[top], deltas[top]), height, width)
        large = ((boxes[:, 2:] - boxes[:, :2]) >= 4).all(dim=1)
        boxes, scores = boxes[large], scores[large]
        keep = nms(boxes, scores, overlap)[:count]
        return boxes[keep], scores[keep]


class RegionHeads(nn.Module):
    """Class, attributes and refinement of regions.

    The class comes from the pooled 2048-d feature. Refinement needs to know where in the region things lie, which
    pooling forgets, so it reads a 7 x 7 grid of a reduced stage-5 map.
    """

    def __init__(self, classes: int, attributes: int, appearance: int = 2048, grid_width: int = 64) -> None:
        super().__init__()
        self.classify = nn.Linear(appearance, classes)
        self.attribute = nn.Linear(appearance, attributes)
        self.grid = nn.Conv2d(appearance, grid_width, 1)
        self.refine = nn.Linear(grid_width * 49, 4)

    def deltas(self, stage5: Tensor, boxes: list[Tensor], scale: float) -> Tensor:
        """[sum K, 4] refinements of the boxes of each picture; `scale` maps input pixels to the stage-5 map."""
        grid = roi_align(self.grid(stage5).float(), boxes, 7, scale, sampling_ratio=2, aligned=True)
        return self.refine(torch.relu(grid).flatten(1)).float()


def clip(boxes: Tensor, height: int, width: int) -> Tensor:
    """[K, 4] cut at the edges of the picture."""
    limit = boxes.new_tensor([width, height, width, height])
    return torch.minimum(boxes.clamp(min=0), limit)


@dataclass(frozen=True)
class Suppression:
    """What becomes of scored proposals: the best box of each class within a neighbourhood stays.

    class_overlap: boxes of one class that overlap more (IoU) are one; any_overlap: the same for any two classes;
    least and most: how many regions a picture gets; threshold: the score of those beyond the least.
    """

    class_overlap: float = 0.6
    any_overlap: float = 0.8
    least: int = 10
    most: int = 36
    threshold: float = 0.08

    def keep(self, boxes: Tensor, scores: Tensor, classes: Tensor) -> Tensor:
        """Indices of the regions that stay, best first. boxes [K, 4], scores [K], classes [K]."""
        kept = batched_nms(boxes, scores, classes, self.class_overlap)
        kept = kept[nms(boxes[kept], scores[kept], self.any_overlap)]
        sure = int((scores[kept] >= self.threshold).sum())
        kept = kept[: min(max(sure, self.least), self.most)]
        if len(kept) >= self.least:
            return kept
        left = torch.ones(len(scores), dtype=torch.bool, device=scores.device)
        left[kept] = False
        spare = scores.masked_fill(~left, -1.0).argsort(descending=True)[: min(self.least, len(scores)) - len(kept)]
        kept = torch.cat([kept, spare])  # a picture of one thing: boxes that overlap must do
        return kept[scores[kept].argsort(descending=True)]

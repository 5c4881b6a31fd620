"""Faster R-CNN C4 as detectron2 computes it, so that its weights run without it.

The stage-4 map gives proposals; each proposal's 14 x 14 crop passes stage 5; its mean is the 2048-d feature that is
classified, refined once for every class, and handed to VL-BERT. Two layouts: COCO's, and that of bottom-up attention
(Anderson et al. 2018), whose stage 5 is dilated and whose regions also have attributes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchvision.ops import batched_nms, nms, roi_align, roi_pool

from engine.c4_config import C4Config
from engine.detector.backbone import ResNet
from engine.detector.detector import Detections
from engine.detector.fast_rcnn import CROP, STAGE4_SCALE, FastRCNN, FeatureMaps
from engine.detector.proposals import anchor_grid, clip
from engine.detector.transform import Transform

LARGEST_GROWTH = math.log(1000 / 16)  # logarithm of how much wider or higher a refinement can make a box
REFINEMENT_WEIGHTS = (10.0, 10.0, 5.0, 5.0)  # the heads' deltas are divided by these
TOGETHER = 64  # proposals in stage 5 at once: bounds the memory
SHOWN = 36  # regions handed on


class C4Transform(Transform):
    """Rounds sizes as detectron2 does: halves go up."""

    def size(self, width: int, height: int) -> tuple[int, int]:
        scale = self.short_side / min(width, height)
        shrink = min(1.0, self.long_side / max(width * scale, height * scale))
        return int(width * scale * shrink + 0.5), int(height * scale * shrink + 0.5)


class C4Proposals(nn.Module):
    """Scores and moves A anchors at each corner of the stage-4 map."""

    shapes: Tensor

    def __init__(self, shapes: Sequence[tuple[float, float]], width: int, channels: int = 1024) -> None:
        super().__init__()
        self.look = nn.Conv2d(channels, width, 3, padding=1)
        self.objectness = nn.Conv2d(width, len(shapes), 1)
        self.deltas = nn.Conv2d(width, 4 * len(shapes), 1)
        self.register_buffer("shapes", torch.tensor(shapes), persistent=False)

    def forward(self, stage4: Tensor) -> tuple[Tensor, Tensor]:
        """One picture's stage4 [1, 1024, h, w] -> objectness logits [h*w*A], moved anchors [h*w*A, 4]."""
        seen = torch.relu(self.look(stage4))
        objectness = self.objectness(seen).float().permute(0, 2, 3, 1).flatten()
        deltas = self.deltas(seen).float().permute(0, 2, 3, 1).reshape(-1, 1, 4)
        height, width = stage4.shape[-2:]
        places = anchor_grid(self.shapes, height, width, offset=0.0)
        return objectness, moved(places, deltas)[:, 0]


class AttributeHead(nn.Module):
    """What a region is like, given its feature and its class: logits of M attributes, then of "none"."""

    def __init__(self, classes: int, attributes: int, appearance: int = 2048) -> None:
        super().__init__()
        self.embed = nn.Embedding(classes, appearance // 8)
        self.dense = nn.Linear(appearance + appearance // 8, appearance // 4)
        self.score = nn.Linear(appearance // 4, attributes + 1)

    def forward(self, features: Tensor, classes: Tensor) -> Tensor:
        """features [K, 2048], classes [K] with the background as 0 -> [K, M + 1]."""
        return self.score(torch.relu(self.dense(torch.cat([features, self.embed(classes)], dim=1))))


class C4Heads(nn.Module):
    """Class (background first), one refinement for each class, and attributes where there are any."""

    def __init__(self, classes: int, attributes: int, appearance: int = 2048) -> None:
        super().__init__()
        self.classify = nn.Linear(appearance, classes + 1)
        self.refine = nn.Linear(appearance, 4 * classes)
        self.attributes = AttributeHead(classes + 1, attributes, appearance) if attributes else None


@dataclass(frozen=True)
class Thresholds:
    """How proposals become detections; the fields are those of `C4Config`."""

    candidates: int
    proposals: int
    proposal_overlap: float
    threshold: float
    overlap: float
    most: int


class C4(nn.Module):
    """Picture in, regions with labels, scores and features out (see `engine.detector.detector.RegionDetector`)."""

    def __init__(self, fast_rcnn: FastRCNN, proposals: C4Proposals, heads: C4Heads, transform: Transform,
                 thresholds: Thresholds) -> None:
        super().__init__()
        self.fast_rcnn = fast_rcnn
        self.proposals = proposals
        self.heads = heads
        self.transform = transform
        self.thresholds = thresholds

    @classmethod
    def from_config(cls, config: C4Config) -> C4:
        backbone = ResNet(config.depth, dilated=config.dilated, ceil_pool=config.ceil_pool)
        crop = aligned_crops if config.crop == "align" else pooled_crops
        transform = C4Transform(config.short_side, config.long_side, 0, 0, config.pixel_mean, config.pixel_order)
        thresholds = Thresholds(config.candidates, config.proposals, config.proposal_overlap, config.threshold,
                                config.overlap, config.most)
        return cls(FastRCNN(backbone, whole_map=False, crop=crop),
                   C4Proposals(anchor_shapes(config), config.proposal_width),
                   C4Heads(config.classes, config.attributes), transform, thresholds)

    def regions(self, maps: FeatureMaps, height: int, width: int) -> Detections:
        """The best detections of one picture, whose maps are given."""
        return self.detect(maps, height, width).first(SHOWN)

    @torch.inference_mode()
    def detect(self, maps: FeatureMaps, height: int, width: int) -> Detections:
        """Everything above the threshold, after suppression within each class: what detectron2 answers."""
        limits = self.thresholds
        proposals = self._propose(maps, height, width)
        features = torch.cat([self.fast_rcnn.features(maps, [some]) for some in proposals.split(TOGETHER)])
        probabilities = self.heads.classify(features).float().softmax(dim=1)[:, 1:]
        deltas = self.heads.refine(features).float().unflatten(1, (-1, 4))
        refined = moved(proposals, deltas / deltas.new_tensor(REFINEMENT_WEIGHTS))  # [P, C, 4]
        rows, classes = (probabilities > limits.threshold).nonzero(as_tuple=True)
        boxes, scores = clip(refined[rows, classes], height, width), probabilities[rows, classes]
        keep = batched_nms(boxes, scores, classes, limits.overlap)[:limits.most]
        return Detections(boxes[keep], scores[keep], classes[keep])

    def _propose(self, maps: FeatureMaps, height: int, width: int) -> Tensor:
        """[P, 4] proposals of one picture, best first."""
        limits = self.thresholds
        objectness, boxes = self.proposals(maps.stage4)
        scores, top = objectness.topk(min(limits.candidates, len(objectness)))
        boxes = clip(boxes[top], height, width)
        real = (boxes[:, 2:] > boxes[:, :2]).all(dim=1)
        boxes, scores = boxes[real], scores[real]
        return boxes[nms(boxes, scores, limits.proposal_overlap)[:limits.proposals]]


def anchor_shapes(config: C4Config) -> list[tuple[float, float]]:
    """Width and height in pixels of the A anchors of each place."""
    widths = ((side, ratio, math.sqrt(side**2 / ratio)) for side in config.anchor_sides
              for ratio in config.anchor_ratios)
    return [(width, ratio * width) for _, ratio, width in widths]


def moved(boxes: Tensor, deltas: Tensor) -> Tensor:
    """Each box [P, 4] moved in n ways, deltas [P, n, 4] as (dx, dy, dw, dh) relative to it -> [P, n, 4]."""
    size = boxes[:, None, 2:] - boxes[:, None, :2]
    centre = boxes[:, None, :2] + size / 2 + deltas[..., :2] * size
    half = size * deltas[..., 2:].clamp(max=LARGEST_GROWTH).exp() / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def aligned_crops(stage4: Tensor, boxes: Sequence[Tensor]) -> Tensor:
    """RoIAlign 14 x 14 of the stage-4 map, shifted by half a pixel, with as many samples per bin as it has places."""
    cut = roi_align(stage4.float(), list(boxes), CROP, spatial_scale=STAGE4_SCALE, sampling_ratio=0, aligned=True)
    return cut.to(stage4.dtype)


def pooled_crops(stage4: Tensor, boxes: Sequence[Tensor]) -> Tensor:
    """The largest value in each of the 14 x 14 bins of a box whose corners are rounded to places of the map."""
    return roi_pool(stage4.float(), list(boxes), CROP, spatial_scale=STAGE4_SCALE).to(stage4.dtype)

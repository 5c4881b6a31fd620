"""The whole detector: picture in, regions with labels, scores and features out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from engine.config import DetectorConfig
from engine.detector.fast_rcnn import STAGE5_SCALE, FastRCNN, FeatureMaps
from engine.detector.proposals import ProposalNetwork, RegionHeads, Suppression, anchors, clip, decode
from engine.detector.transform import Transform

ATTRIBUTES = 128
SMALLEST_SIDE = 4  # input pixels


@dataclass(frozen=True)
class Detections:
    """K regions of one picture, best first. boxes [K, 4] in input pixels, scores [K].

    classes: [K] counted without the background, where each box was refined for one class; else None.
    """

    boxes: Tensor
    scores: Tensor
    classes: Tensor | None = None

    def first(self, count: int) -> Detections:
        """The best so many."""
        return Detections(self.boxes[:count], self.scores[:count],
                          None if self.classes is None else self.classes[:count])


class RegionFeatures(Protocol):
    """From pictures to maps and on to features, as `FastRCNN` does."""

    def maps(self, images: Tensor) -> FeatureMaps: ...

    def features(self, maps: FeatureMaps, boxes: Sequence[Tensor]) -> Tensor: ...


class RegionClassifier(Protocol):
    """From features [K, 2048] to logits [K, C], background first."""

    @property
    def classify(self) -> Callable[[Tensor], Tensor]: ...


class RegionDetector(Protocol):
    """What a predictor asks of a detector; `Detector`, `C4` and `Detectron2` are such."""

    @property
    def transform(self) -> Transform: ...

    @property
    def fast_rcnn(self) -> RegionFeatures: ...

    @property
    def heads(self) -> RegionClassifier: ...

    def regions(self, maps: FeatureMaps, height: int, width: int) -> Detections: ...


class Detector(nn.Module):
    """Fast R-CNN with a region proposal network and heads of its own."""

    def __init__(self, fast_rcnn: FastRCNN, proposals: ProposalNetwork, heads: RegionHeads, transform: Transform,
                 suppression: Suppression, post_nms_topk: int, objectness_weight: float, refinements: int) -> None:
        super().__init__()
        self.fast_rcnn = fast_rcnn
        self.proposals = proposals
        self.heads = heads
        self.transform = transform
        self.suppression = suppression
        self.post_nms_topk, self.objectness_weight, self.refinements = post_nms_topk, objectness_weight, refinements

    @classmethod
    def from_config(cls, config: DetectorConfig) -> Detector:
        return cls(FastRCNN.from_config(config), ProposalNetwork(config.anchor_scales),
                   RegionHeads(config.classes, ATTRIBUTES), Transform.from_config(config),
                   Suppression(config.nms_thresh, config.cross_class_nms_thresh), config.post_nms_topk,
                   config.objectness_weight, config.refinements)

    @torch.inference_mode()
    def regions(self, maps: FeatureMaps, height: int, width: int) -> Detections:
        """Regions of one picture, whose maps are given: propose, classify, refine, suppress."""
        objectness, deltas = self.proposals(maps.stage4)
        rows, columns = maps.stage4.shape[-2:]
        places = anchors(rows, columns, self.proposals.scales).to(maps.stage4.device)
        boxes, objects = self.proposals.best(objectness[0], deltas[0], places, height, width, self.post_nms_topk)
        features = self.fast_rcnn.features(maps, [boxes])
        for _ in range(self.refinements):
            boxes = clip(decode(boxes, self.heads.deltas(maps.whole, [boxes], STAGE5_SCALE)), height, width)
        large = ((boxes[:, 2:] - boxes[:, :2]) >= SMALLEST_SIDE).all(dim=1)
        boxes, objects, features = boxes[large], objects[large], features[large]
        nouns = self.heads.classify(features).float().softmax(dim=1)
        classes = nouns[:, 1:].argmax(dim=1)
        # The people who annotated named whole scenes and parts alike, so "is anything here" (1 - background) ranks
        # better than the probability of the one best noun.
        scores = objects ** self.objectness_weight * (1 - nouns[:, 0]) ** (1 - self.objectness_weight)
        keep = self.suppression.keep(boxes, scores, classes)
        return Detections(boxes[keep], scores[keep])

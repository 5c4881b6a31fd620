"""Training of the detector: where things are, and what people call them.

The joint training of Faster R-CNN (Ren et al. 2015) with three targets per region: the nouns by which the captions
name it (a soft label, as one calls it "man" and another "player"), the words that describe it, and its exact place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import box_iou

from engine.data.attributes import describing_words
from engine.data.flickr8k import AnnotatedPhoto
from engine.data.nouns import RegionClasses
from engine.detector.detector import Detector
from engine.detector.fast_rcnn import STAGE5_SCALE, FeatureMaps
from engine.detector.proposals import anchors, clip, decode, encode
from engine.model.losses import mean_or_zero
from engine.structures.boxes import Boxes, mirrored
from engine.structures.photo import Photo

FOREGROUND, BACKGROUND = 0.5, 0.4  # IoU with an annotated box
ANCHOR_FOREGROUND, ANCHOR_BACKGROUND = 0.6, 0.3
SAMPLED_ANCHORS, SAMPLED_PROPOSALS, JITTERED = 128, 48, 2


@dataclass(frozen=True)
class Targets:
    """One photo's annotation. boxes [G, 4] in input pixels; nouns [G, C] soft (all zero: no class);
    attributes [G, M] in {0, 1}. mirrored: left and right are exchanged."""

    boxes: Tensor
    nouns: Tensor
    attributes: Tensor
    mirrored: bool = False

    def to(self, device: torch.device) -> Targets:
        return Targets(self.boxes.to(device), self.nouns.to(device), self.attributes.to(device), self.mirrored)


class DetectionTask:
    """Trains `detector` on annotated photos (see `engine.training.trainer.Trainable`)."""

    def __init__(self, detector: Detector, photos: Sequence[AnnotatedPhoto], classes: RegionClasses,
                 attributes: Sequence[str], backbone_scale: float = 0.1) -> None:
        self.model: nn.Module = detector
        self.detector = detector
        self.photos = [photo for photo in photos if photo.boxes]
        self.classes = classes
        self.attributes = {word: i for i, word in enumerate(attributes)}
        self.backbone_scale = backbone_scale
        size = detector.transform.square_side // 16
        self.anchors = anchors(size, size)  # moved to the model's device by `losses`

    def __len__(self) -> int:
        return len(self.photos)

    def groups(self) -> list[dict]:
        trained = [p for p in self.detector.fast_rcnn.parameters() if p.requires_grad]
        heads = [*self.detector.proposals.parameters(), *self.detector.heads.parameters()]
        return [{"params": trained, "scale": self.backbone_scale}, {"params": heads, "scale": 1.0}]

    def targets(self, photo: AnnotatedPhoto, side: int) -> Targets:
        count = len(photo.boxes)
        nouns = torch.zeros(count, len(self.classes.names))
        attributes = torch.zeros(count, self.detector.heads.attribute.out_features)  # unused ones stay 0
        for i in range(count):
            for number, times in self.classes.counts(photo, i).items():
                nouns[i, number] = times
            for phrase in photo.phrases_of(i):
                for word in describing_words(phrase.text):
                    if word in self.attributes:
                        attributes[i, self.attributes[word]] = 1.0
        nouns = nouns / nouns.sum(dim=1, keepdim=True).clamp(min=1)
        return Targets(Boxes.from_fractions(photo.boxes, side, side).xyxy, nouns, attributes)

    def losses(self, examples: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        pictures, targets = zip(*(self.example(self.photos[i], generator) for i in examples), strict=True)
        maps = self.detector.fast_rcnn.maps(torch.stack(pictures).to(next(self.detector.parameters()).device))
        return self.losses_on(maps, targets, generator)

    def losses_on(self, maps: FeatureMaps, targets: Sequence[Targets],
                  generator: torch.Generator) -> dict[str, Tensor]:
        """The losses of pictures whose maps are there. Every picture needs an annotated box."""
        device = maps.stage4.device
        self.anchors = self.anchors.to(device)
        targets = [t.to(device) for t in targets]
        objectness, deltas = self.detector.proposals(maps.stage4)
        losses = self._proposal_losses(objectness, deltas, targets, generator)
        samples = [self._sample(o.detach(), d.detach(), t, generator) for o, d, t in
                   zip(objectness, deltas, targets, strict=True)]
        return losses | self._region_losses(maps, samples, targets)

    def example(self, photo: AnnotatedPhoto, generator: torch.Generator) -> tuple[Tensor, Targets]:
        """The picture [3, side, side] and its annotation, both mirrored half of the time."""
        picture = self.detector.transform.picture(Photo.open(photo.source))
        targets = self.targets(photo, picture.shape[-1])
        if torch.rand((), generator=generator) < 0.5:
            side = picture.shape[-1]
            picture = picture.flip(-1)
            targets = Targets(mirrored(targets.boxes, side), targets.nouns, targets.attributes, mirrored=True)
        return picture, targets

    def _proposal_losses(self, objectness: Tensor, deltas: Tensor, targets: Sequence[Targets],
                         generator: torch.Generator) -> dict[str, Tensor]:
        score, place = [], []
        for own_score, own_deltas, target in zip(objectness, deltas, targets, strict=True):
            iou = box_iou(self.anchors, target.boxes)
            best, match = iou.max(dim=1)
            positive = best >= ANCHOR_FOREGROUND
            positive |= (iou == iou.max(dim=0).values.clamp(min=0.2)).any(dim=1)  # every box gets its best anchor
            chosen = _some(positive.nonzero()[:, 0], SAMPLED_ANCHORS // 2, generator)
            negative = _some(((best < ANCHOR_BACKGROUND) & ~positive).nonzero()[:, 0],
                             SAMPLED_ANCHORS - len(chosen), generator)
            logits = own_score[torch.cat([chosen, negative])]
            truth = torch.cat([torch.ones_like(logits[:len(chosen)]), torch.zeros_like(logits[len(chosen):])]).float()
            score.append(F.binary_cross_entropy_with_logits(logits, truth, reduction="sum") / SAMPLED_ANCHORS)
            goal = encode(self.anchors[chosen], target.boxes[match[chosen]])
            place.append(F.smooth_l1_loss(own_deltas[chosen], goal, beta=0.11, reduction="sum") / SAMPLED_ANCHORS)
        return {"objectness": torch.stack(score).mean(), "proposal_place": torch.stack(place).mean()}

    def _sample(self, objectness: Tensor, deltas: Tensor, target: Targets, generator: torch.Generator) -> Tensor:
        """[K, 4] regions of one photo to train on: annotated, jittered and proposed."""
        side = self.detector.transform.square_side
        boxes = target.boxes.repeat(JITTERED, 1)
        noise = torch.randn(boxes.shape, generator=generator) * torch.tensor([0.1, 0.1, 0.15, 0.15])
        jittered = clip(decode(boxes, noise.to(boxes.device)), side, side)
        proposed, _ = self.detector.proposals.best(objectness, deltas, self.anchors, side, side, SAMPLED_PROPOSALS)
        regions = torch.cat([target.boxes, jittered, proposed])
        return regions[((regions[:, 2:] - regions[:, :2]) > 2).all(dim=1)]

    def _region_losses(self, maps: FeatureMaps, samples: list[Tensor], targets: Sequence[Targets]) -> dict[str, Tensor]:
        nouns, attributes, goals, positive, known = [], [], [], [], []
        for regions, target in zip(samples, targets, strict=True):
            best, match = box_iou(regions, target.boxes).max(dim=1)
            front, back = best >= FOREGROUND, best < BACKGROUND
            label = target.nouns[match] * front[:, None]
            label[back, 0] = 1.0
            nouns.append(label)
            attributes.append(target.attributes[match])
            goals.append(encode(regions, target.boxes[match]))
            positive.append(front)
            known.append(front & (target.attributes[match].sum(dim=1) > 0))
        label, front, described = torch.cat(nouns), torch.cat(positive), torch.cat(known)
        features = self.detector.fast_rcnn.features(maps, samples)
        log_probability = self.detector.heads.classify(features).float().log_softmax(dim=1)
        labelled = label.sum(dim=1) > 0
        # Background is half of the samples but one of 401 classes: it counts a quarter.
        weight = torch.where(label[:, 0] > 0, 0.25, 1.0) * labelled
        noun = -(label * log_probability).sum(dim=1)
        attribute = mean_or_zero(F.binary_cross_entropy_with_logits(
            self.detector.heads.attribute(features[described]).float(), torch.cat(attributes)[described],
            reduction="none").mean(dim=1))
        moved = self.detector.heads.deltas(maps.whole, samples, STAGE5_SCALE)
        place = F.smooth_l1_loss(moved[front], torch.cat(goals)[front], beta=0.11, reduction="none").mean(dim=1)
        return {"noun": (noun * weight).sum() / weight.sum().clamp(min=1e-6), "attribute": 4.0 * attribute,
                "place": mean_or_zero(place)}


def _some(indices: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """At most `count` of the indices, at random."""
    return indices[torch.randperm(len(indices), generator=generator)[:count].to(indices.device)]

"""Training of the detector: where things are, and what people call them.

The joint training of Faster R-CNN (Ren et al. 2015) with three targets per region: the nouns by which the captions
name it (a soft label, as one calls it "man" and another "player"), the words that describe it, and its exact place.

Several data sets can be mixed. A box with a label and no phrase may show any kind of it, so its loss is the negative
log of their summed probability. A region without a box is background only where its data set annotates everything; else
it shows none of the classes that the data set annotates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import box_iou

from engine.data.attributes import describing_words
from engine.data.flickr8k import AnnotatedPhoto, Coverage
from engine.data.nouns import RegionClasses
from engine.detector.detector import Detector
from engine.detector.fast_rcnn import STAGE5_SCALE, FeatureMaps
from engine.detector.proposals import STRIDE, anchors, clip, decode, encode
from engine.detector.transform import Transform
from engine.model.losses import mean_of_groups, mean_or_zero
from engine.structures.boxes import Boxes, mirrored
from engine.structures.photo import Photo

FOREGROUND, BACKGROUND = 0.5, 0.4  # IoU with an annotated box
ANCHOR_FOREGROUND, ANCHOR_BACKGROUND = 0.6, 0.3
SAMPLED_ANCHORS, SAMPLED_PROPOSALS, JITTERED = 128, 48, 2
PART = 0.7  # an anchor of which so much lies in a box may show a part of it


@dataclass(frozen=True)
class Targets:
    """One photo's annotation.

    boxes: [G, 4] in input pixels. nouns: [G, C] soft labels; all zero where no phrase names the box. kinds: [G, C]
    bool, the classes that a box without soft labels may show; none: no class. attributes: [G, M] in {0, 1}. unboxed:
    [C] bool, the classes that a region without a box may show. negatives: anchors without a box show no object.
    mirrored: left and right are exchanged.
    """

    boxes: Tensor
    nouns: Tensor
    kinds: Tensor
    attributes: Tensor
    unboxed: Tensor
    negatives: bool = True
    mirrored: bool = False

    def to(self, device: torch.device) -> Targets:
        return replace(self, boxes=self.boxes.to(device), nouns=self.nouns.to(device), kinds=self.kinds.to(device),
                       attributes=self.attributes.to(device), unboxed=self.unboxed.to(device))

    def only(self, boxes: Sequence[int]) -> Targets:
        """The same photo with only these boxes annotated."""
        own = list(boxes)
        return replace(self, boxes=self.boxes[own], nouns=self.nouns[own], kinds=self.kinds[own],
                       attributes=self.attributes[own])


class DetectionTask:
    """Trains `detector` on annotated photos (see `engine.training.trainer.Trainable`).

    sides: mean sides of the pictures in pixels, one drawn for each step; none: always the detector's own.
    """

    def __init__(self, detector: Detector, photos: Sequence[AnnotatedPhoto], classes: RegionClasses,
                 attributes: Sequence[str], backbone_scale: float = 0.1, sides: Sequence[int] = ()) -> None:
        self.model: nn.Module = detector
        self.detector = detector
        self.photos = [photo for photo in photos if photo.boxes]
        self.classes = classes
        self.attributes = {word: i for i, word in enumerate(attributes)}
        self.backbone_scale = backbone_scale
        self.transforms = [replace(detector.transform, mean_side=side) for side in sides] or [detector.transform]

    def __len__(self) -> int:
        return len(self.photos)

    def groups(self) -> list[dict]:
        trained = [p for p in self.detector.fast_rcnn.parameters() if p.requires_grad]
        heads = [*self.detector.proposals.parameters(), *self.detector.heads.parameters()]
        return [{"params": trained, "scale": self.backbone_scale}, {"params": heads, "scale": 1.0}]

    def targets(self, photo: AnnotatedPhoto, height: int, width: int) -> Targets:
        count = len(photo.boxes)
        nouns = torch.zeros(count, len(self.classes.names))
        kinds = torch.zeros(nouns.shape, dtype=torch.bool)
        attributes = torch.zeros(count, self.detector.heads.attribute.out_features)  # unused ones stay 0
        for i in range(count):
            for number, times in self.classes.counts(photo, i).items():
                nouns[i, number] = times
            if not nouns[i].any() and photo.label_of(i):
                kinds[i, self.classes.allowed(photo.label_of(i))] = True
            for phrase in photo.phrases_of(i):
                for word in describing_words(phrase.text):
                    if word in self.attributes:
                        attributes[i, self.attributes[word]] = 1.0
        nouns = nouns / nouns.sum(dim=1, keepdim=True).clamp(min=1)
        return Targets(Boxes.from_fractions(photo.boxes, width, height).xyxy, nouns, kinds, attributes,
                       self.unboxed(photo.coverage), negatives=photo.coverage.complete)

    def unboxed(self, coverage: Coverage) -> Tensor:
        """[C] bool: the classes that a region without a box may show in a data set of this coverage."""
        may = torch.zeros(len(self.classes.names), dtype=torch.bool)
        may[0] = True
        if coverage.labels is not None:
            may[:] = True
        if coverage.labels is not None and coverage.complete:
            for label in coverage.labels:
                may[self.classes.allowed(label)] = False
        return may

    def losses(self, examples: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        transform = self.transforms[int(torch.randint(len(self.transforms), (), generator=generator))]
        drawn = [self.example(self.photos[i], generator, transform) for i in examples]
        by_shape: dict[torch.Size, list[tuple[Tensor, Targets]]] = {}
        for picture, targets in drawn:
            by_shape.setdefault(picture.shape, []).append((picture, targets))
        device = next(self.detector.parameters()).device
        groups = []
        for group in by_shape.values():  # pictures of one shape pass the backbone together
            pictures, own = zip(*group, strict=True)
            maps = self.detector.fast_rcnn.maps(torch.stack(pictures).to(device))
            groups.append((len(group), self.losses_on(maps, own, generator)))
        return mean_of_groups(groups)

    def losses_on(self, maps: FeatureMaps, targets: Sequence[Targets],
                  generator: torch.Generator) -> dict[str, Tensor]:
        """The losses of pictures of one size, whose maps are there. Every picture needs an annotated box."""
        device = maps.stage4.device
        rows, columns = maps.stage4.shape[-2:]
        places = anchors(rows, columns, self.detector.proposals.scales).to(device)
        targets = [t.to(device) for t in targets]
        objectness, deltas = self.detector.proposals(maps.stage4)
        losses = self._proposal_losses(places, objectness, deltas, targets, generator)
        height, width = STRIDE * rows, STRIDE * columns
        samples = [self._sample(places, o.detach(), d.detach(), t, height, width, generator) for o, d, t in
                   zip(objectness, deltas, targets, strict=True)]
        return losses | self._region_losses(maps, samples, targets)

    def example(self, photo: AnnotatedPhoto, generator: torch.Generator,
                transform: Transform | None = None) -> tuple[Tensor, Targets]:
        """The picture [3, h, w] and its annotation, both mirrored half of the time.

        A file whose aspect ratio is not the annotated one (Flickr8k's are squashed) is stretched back half of the time.
        """
        transform = transform or self.detector.transform
        opened = Photo.open(photo.source)
        own = torch.rand((), generator=generator) < 0.5
        picture = transform.picture(opened, None if own else (photo.width, photo.height))
        height, width = picture.shape[-2:]
        targets = self.targets(photo, height, width)
        if torch.rand((), generator=generator) < 0.5:
            picture = picture.flip(-1)
            targets = replace(targets, boxes=mirrored(targets.boxes, width), mirrored=True)
        return picture, targets

    def _proposal_losses(self, places: Tensor, objectness: Tensor, deltas: Tensor, targets: Sequence[Targets],
                         generator: torch.Generator) -> dict[str, Tensor]:
        score, place = [], []
        for own_score, own_deltas, target in zip(objectness, deltas, targets, strict=True):
            iou = box_iou(places, target.boxes)
            best, match = iou.max(dim=1)
            positive = best >= ANCHOR_FOREGROUND
            positive |= (iou == iou.max(dim=0).values.clamp(min=0.2)).any(dim=1)  # every box gets its best anchor
            chosen = _some(positive.nonzero()[:, 0], SAMPLED_ANCHORS // 2, generator)
            empty = (best < ANCHOR_BACKGROUND) & ~positive & target.negatives
            if target.unboxed.sum() > 1:  # parts and clothes of a boxed thing may be objects without a box
                empty &= _inside(places, target.boxes) < PART
            negative = _some(empty.nonzero()[:, 0], SAMPLED_ANCHORS - len(chosen), generator)
            logits = own_score[torch.cat([chosen, negative])]
            truth = torch.cat([torch.ones_like(logits[:len(chosen)]), torch.zeros_like(logits[len(chosen):])]).float()
            score.append(F.binary_cross_entropy_with_logits(logits, truth, reduction="sum") / SAMPLED_ANCHORS)
            goal = encode(places[chosen], target.boxes[match[chosen]])
            place.append(F.smooth_l1_loss(own_deltas[chosen], goal, beta=0.11, reduction="sum") / SAMPLED_ANCHORS)
        return {"objectness": torch.stack(score).mean(), "proposal_place": torch.stack(place).mean()}

    def _sample(self, places: Tensor, objectness: Tensor, deltas: Tensor, target: Targets, height: int, width: int,
                generator: torch.Generator) -> Tensor:
        """[K, 4] regions of one photo to train on: annotated, jittered and proposed."""
        boxes = target.boxes.repeat(JITTERED, 1)
        noise = torch.randn(boxes.shape, generator=generator) * torch.tensor([0.1, 0.1, 0.15, 0.15])
        jittered = clip(decode(boxes, noise.to(boxes.device)), height, width)
        proposed, _ = self.detector.proposals.best(objectness, deltas, places, height, width, SAMPLED_PROPOSALS)
        regions = torch.cat([target.boxes, jittered, proposed])
        return regions[((regions[:, 2:] - regions[:, :2]) > 2).all(dim=1)]

    def _region_losses(self, maps: FeatureMaps, samples: list[Tensor], targets: Sequence[Targets]) -> dict[str, Tensor]:
        nouns, sets, attributes, goals, positive, known = [], [], [], [], [], []
        for regions, target in zip(samples, targets, strict=True):
            best, match = box_iou(regions, target.boxes).max(dim=1)
            front, back = best >= FOREGROUND, best < BACKGROUND
            label = target.nouns[match] * front[:, None]
            kinds = target.kinds[match] & front[:, None]
            kinds[back] = target.unboxed
            nouns.append(label)
            sets.append(kinds)
            attributes.append(target.attributes[match])
            goals.append(encode(regions, target.boxes[match]))
            positive.append(front)
            known.append(front & (target.attributes[match].sum(dim=1) > 0))
        label, allowed = torch.cat(nouns), torch.cat(sets)
        front, described = torch.cat(positive), torch.cat(known)
        features = self.detector.fast_rcnn.features(maps, samples)
        log_probability = self.detector.heads.classify(features).float().log_softmax(dim=1)
        named, limited = label.sum(dim=1) > 0, allowed.any(dim=1)
        # Background is half of the samples but one of hundreds of classes: it counts a quarter.
        weight = torch.where(allowed[:, 0], 0.25, 1.0) * (named | limited)
        # Where no set is given the sum is over all classes, so its logarithm is 0.
        together = log_probability.masked_fill(~allowed & limited[:, None], -torch.inf).logsumexp(dim=1)
        noun = -(label * log_probability).sum(dim=1) - together * (limited & ~named)
        attribute = mean_or_zero(F.binary_cross_entropy_with_logits(
            self.detector.heads.attribute(features[described]).float(), torch.cat(attributes)[described],
            reduction="none").mean(dim=1))
        moved = self.detector.heads.deltas(maps.whole, samples, STAGE5_SCALE)
        place = F.smooth_l1_loss(moved[front], torch.cat(goals)[front], beta=0.11, reduction="none").mean(dim=1)
        return {"noun": (noun * weight).sum() / weight.sum().clamp(min=1e-6), "attribute": 4.0 * attribute,
                "place": mean_or_zero(place)}


def _inside(boxes: Tensor, others: Tensor) -> Tensor:
    """[K]: the largest share of each box's area that lies in one of the others ([G, 4], G > 0)."""
    low = torch.maximum(boxes[:, None, :2], others[:, :2])
    high = torch.minimum(boxes[:, None, 2:], others[:, 2:])
    area = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
    return (high - low).clamp(min=0).prod(dim=2).max(dim=1).values / area.clamp(min=1)


def _some(indices: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """At most `count` of the indices, at random."""
    return indices[torch.randperm(len(indices), generator=generator)[:count].to(indices.device)]

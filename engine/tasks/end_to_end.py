"""The last step of pre-training: stages 3 to 5 of the detector move too (paper, section 3.3).

Words, regions and the detector's own targets are learned from one pass of the backbone. The pixels of hidden regions
are black before the detector sees them. All captions of a photo share the pass.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from engine.data.features import with_whole_picture
from engine.data.grounded_captions import GroundedCaption
from engine.data.masking import HiddenRegions
from engine.detector.fast_rcnn import FeatureMaps, hide_pixels
from engine.model.losses import mean_of_groups
from engine.structures.boxes import Boxes, mirrored
from engine.tasks.detection import DetectionTask, Targets
from engine.tasks.pretraining import MOST_REGIONS, UNRELATED, PretrainingTask, Question


@dataclass(frozen=True)
class Sight:
    """A photo as one step sees it. picture: [3, h, w], hidden regions black. targets: all its annotated boxes.

    boxes: [K, 4] in pixels, the annotated ones, then `detections` (their numbers in the cache).
    """

    photo: int
    picture: Tensor
    targets: Targets
    boxes: Tensor
    detections: list[int]
    hidden: HiddenRegions

    @property
    def visible(self) -> Targets:
        """The annotated boxes that are not hidden."""
        kept = [i for i in range(len(self.targets.boxes)) if i + 1 not in self.hidden.hidden]
        return self.targets.only(kept)

    @property
    def fractions(self) -> Tensor:
        """The boxes as fractions of the picture, [K, 4]."""
        height, width = self.picture.shape[-2:]
        return Boxes(self.boxes, width, height).fractions


class EndToEndTask:
    """Both tasks at once; an example is a photo with all its captions (see `engine.training.trainer.Trainable`). Photos
    without a box or without a caption are none.

    captions, detection: the two tasks, built on the same photos. backbone_scale, heads_scale: learning rates of the
    detector's backbone and heads relative to VL-BERT's. move_detector: without it the detector only looks (ablation).
    """

    def __init__(self, captions: PretrainingTask, detection: DetectionTask, backbone_scale: float = 0.5,
                 heads_scale: float = 2.0, *, move_detector: bool = True) -> None:
        self.captions, self.detection = captions, detection
        self.detector, self.vlbert = detection.detector, captions.vlbert
        self.model: nn.Module = nn.ModuleDict({"detector": self.detector, "vlbert": self.vlbert})
        self.backbone_scale, self.heads_scale, self.move_detector = backbone_scale, heads_scale, move_detector
        self.photos = [i for i, photo in enumerate(captions.photos) if photo.boxes and photo.captions]
        self.captions_of: dict[int, list[GroundedCaption]] = {}
        for grounded in captions.captions:
            self.captions_of.setdefault(grounded.photo, []).append(grounded)

    def __len__(self) -> int:
        return len(self.photos)

    def groups(self) -> list[dict[str, Any]]:
        backbone, heads = self.detection.groups()
        if not self.move_detector:
            return [{"params": list(self.vlbert.parameters()), "scale": 1.0}]
        return [{"params": list(self.vlbert.parameters()), "scale": 1.0},
                {"params": backbone["params"], "scale": self.backbone_scale},
                {"params": heads["params"], "scale": self.heads_scale}]

    def losses(self, examples: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        sights = [self._look(self.photos[i], generator) for i in examples]
        sights.sort(key=lambda sight: tuple(sight.picture.shape))  # pictures of one shape pass the backbone together
        groups = [list(own) for _, own in itertools.groupby(sights, key=lambda sight: sight.picture.shape)]
        with torch.set_grad_enabled(self.move_detector):
            maps = [self.detector.fast_rcnn.maps(torch.stack([s.picture for s in own]).to(self.captions.device))
                    for own in groups]
        features = [part for own, seen in zip(groups, maps, strict=True) for part in self._features(own, seen)]
        questions = self._questions(sights, features, generator)
        losses = self.captions.losses_of(questions) | self.captions.text_loss(len(questions), generator)
        if self.move_detector:
            losses |= self._detection_losses(groups, maps, generator)
        return losses

    def _detection_losses(self, groups: Sequence[Sequence[Sight]], maps: Sequence[FeatureMaps],
                          generator: torch.Generator) -> dict[str, Tensor]:
        """The detector's own losses over all pictures that show an annotated box."""
        found = []
        for own, seen in zip(groups, maps, strict=True):
            clear = [i for i, sight in enumerate(own) if len(sight.visible.boxes)]
            if clear:
                part = FeatureMaps(seen.stage4[clear], seen.whole[clear])
                found.append((len(clear), self.detection.losses_on(part, [own[i].visible for i in clear], generator)))
        return mean_of_groups(found)

    def _features(self, sights: Sequence[Sight], maps: FeatureMaps) -> Sequence[Tensor]:
        """Per picture the features of its boxes, [K, 2048]."""
        features = self.detector.fast_rcnn.features(maps, [s.boxes.to(self.captions.device) for s in sights])
        return features.split([len(s.boxes) for s in sights])

    def _look(self, photo: int, generator: torch.Generator) -> Sight:
        picture, targets = self.detection.example(self.captions.photos[photo], generator)
        annotated = targets.boxes[:MOST_REGIONS]
        hidden = self.captions.hide_regions(len(annotated) + 1, generator)
        detections = self.captions.drawn_detections(photo, generator)
        height, width = picture.shape[-2:]
        found = Boxes.from_fractions(self.captions.cache.detected_boxes(photo, detections), width, height).xyxy
        if targets.mirrored:
            found = mirrored(found, width)
        picture = hide_pixels(picture[None], [annotated[[r - 1 for r in hidden.hidden]]])[0]
        return Sight(photo, picture, targets, torch.cat([annotated, found]), detections, hidden)

    def _questions(self, sights: Sequence[Sight], features: Sequence[Tensor],
                   generator: torch.Generator) -> list[Question]:
        regions = [with_whole_picture(f, s.fractions) for f, s in zip(features, sights, strict=True)]
        questions: list[Question] = []
        for k, sight in enumerate(sights):
            for grounded in self.captions_of[sight.photo]:
                shown = self._shown(k, len(sights), generator)
                other = sights[shown]
                told = grounded if other.photo == sight.photo else grounded.told_of(other.photo)
                questions.append(self.captions.ask(told, regions[shown], other.detections, other.hidden, generator))
        return questions

    def _shown(self, own: int, count: int, generator: torch.Generator) -> int:
        """Which of a step's photos a caption of the photo `own` is asked with."""
        if not self.captions.config.relationship or torch.rand((), generator=generator) >= UNRELATED:
            return own
        return int(torch.randint(count, (), generator=generator))

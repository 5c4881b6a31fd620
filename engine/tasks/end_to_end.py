"""The last step of pre-training: stages 3 to 5 of the detector move too (paper, section 3.3).

The pixels of hidden regions are black before the detector sees them. All captions of a photo share one pass of it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from engine.data.features import with_whole_picture
from engine.data.masking import HiddenRegions
from engine.detector.detector import Detector
from engine.detector.fast_rcnn import hide_pixels
from engine.model.losses import mean_or_zero, soft_cross_entropy
from engine.structures.boxes import Boxes
from engine.structures.photo import Photo
from engine.tasks.pretraining import MOST_REGIONS, GroundedCaption, PretrainingTask, Question


class EndToEndTask(PretrainingTask):
    """`PretrainingTask` whose features come from the detector at each step (see `attach`), not from the cache: an
    example is a photo with all its captions."""

    def attach(self, detector: Detector, backbone_scale: float = 0.5) -> EndToEndTask:
        """Train this detector too. backbone_scale: its learning rate relative to BERT's."""
        self.detector = detector
        self.model = nn.ModuleDict({"detector": detector, "vlbert": self.vlbert})
        self.backbone_scale = backbone_scale
        self.by_photo: dict[int, list[GroundedCaption]] = {}
        for grounded in self.captions:
            self.by_photo.setdefault(grounded.photo, []).append(grounded)
        return self

    def __len__(self) -> int:
        return len(self.photos)

    def groups(self) -> list[dict[str, Any]]:
        backbone = [p for p in self.detector.fast_rcnn.parameters() if p.requires_grad]
        return [{"params": list(self.vlbert.parameters()), "scale": 1.0},
                {"params": backbone, "scale": self.backbone_scale},
                {"params": list(self.detector.heads.classify.parameters()), "scale": 1.0}]

    def losses(self, examples: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        hidden = {i: self.hide_regions(min(len(self.photos[i].boxes), MOST_REGIONS) + 1, generator) for i in examples}
        pictures, boxes = [], []
        for i in examples:
            picture = self.detector.transform.picture(Photo.open(self.photos[i].path))
            own = Boxes.from_fractions(self.photos[i].boxes[:MOST_REGIONS], picture.shape[2], picture.shape[1])
            black = own.xyxy[[r - 1 for r in hidden[i].hidden]]
            pictures.append(hide_pixels(picture[None], [black])[0])
            boxes.append(own)
        maps = self.detector.fast_rcnn.maps(torch.stack(pictures).to(self.device))
        features = self.detector.fast_rcnn.features(maps, [b.xyxy.to(self.device) for b in boxes])
        questions: list[Question] = []
        for i, own, feature in zip(examples, boxes, features.split([len(b) for b in boxes]), strict=True):
            regions = with_whole_picture(feature, own.fractions)
            questions.extend(self.ask(g, regions, len(own), hidden[i], generator) for g in self.by_photo[i])
        losses = self.losses_of(questions)
        losses["noun"] = 0.5 * self._noun_loss(examples, features, hidden)
        if self.texts:
            losses["text"] = self.text_loss(round(2 * self.config.text_share * len(examples)), generator)
        return losses

    def _noun_loss(self, examples: list[int], features: Tensor, hidden: dict[int, HiddenRegions]) -> Tensor:
        """The detector's own classifier keeps up with its features; hidden regions are left out."""
        labels: list[Tensor] = []
        rows: list[int] = []
        row = 0
        for i in examples:
            for r, label in enumerate(self.labels[i][:MOST_REGIONS], 1):
                if label is not None and r not in hidden[i].hidden:
                    labels.append(label)
                    rows.append(row)
                row += 1
        if not labels:
            return features.sum() * 0
        truth = torch.stack(labels).to(self.device)
        return mean_or_zero(soft_cross_entropy(self.detector.heads.classify(features[rows]), truth))

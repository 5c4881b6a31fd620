"""A detector that computes on another device, used as if it were on the processor."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from engine.detector.c4 import C4
from engine.detector.detector import Detections, Detector
from engine.detector.detectron2 import Detectron2
from engine.detector.fast_rcnn import FeatureMaps
from engine.detector.transform import Transform
from engine.errors import ConfigError


def device_named(name: str) -> torch.device:
    """"auto" is the graphics card where there is one, else the processor. Raises ConfigError."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0] if str(error) else "unknown"
        raise ConfigError(f"The device {name!r} cannot be used here ({reason}). Choose auto or cpu.") from error
    return device


def asked_from(detector: Detector | Elsewhere) -> torch.device:
    """Where a detector takes pictures and boxes and gives its answers: where it is, or the processor."""
    return torch.device("cpu") if isinstance(detector, Elsewhere) else next(detector.parameters()).device


class Elsewhere(nn.Module):
    """Moves pictures and boxes to the device of `detector` and its answers back; the maps stay there.

    detector: already on the device.
    """

    detector: C4 | Detectron2 | Detector

    def __init__(self, detector: C4 | Detectron2 | Detector, device: torch.device) -> None:
        super().__init__()
        self.detector = detector
        self.device = device

    @property
    def transform(self) -> Transform:
        return self.detector.transform

    @property
    def fast_rcnn(self) -> Elsewhere:
        return self

    @property
    def heads(self) -> Elsewhere:
        return self

    def maps(self, images: Tensor) -> FeatureMaps:
        return self.detector.fast_rcnn.maps(images.to(self.device))

    def features(self, maps: FeatureMaps, boxes: Sequence[Tensor]) -> Tensor:
        return self.detector.fast_rcnn.features(maps, [one.to(self.device) for one in boxes]).cpu()

    def classify(self, features: Tensor) -> Tensor:
        return self.detector.heads.classify(features.to(self.device)).cpu()

    def regions(self, maps: FeatureMaps, height: int, width: int) -> Detections:
        found = self.detector.regions(maps, height, width)
        return Detections(found.boxes.cpu(), found.scores.cpu(),
                          None if found.classes is None else found.classes.cpu())

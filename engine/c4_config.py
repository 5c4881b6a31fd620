"""Settings of detectors that come from detectron2, among them that of bottom-up attention."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from engine.config import Settings, setting
from engine.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class C4Config(Settings):
    """Faster R-CNN C4 as detectron2 has it; the defaults are those of its COCO models with a ResNet-50."""

    depth: int = setting(50, "layers of the ResNet: 50 or 101", low=50, high=101)
    classes: int = setting(80, "region classes, background left out", low=1)
    attributes: int = setting(0, "attributes a region can have; 0: has no attribute head", low=0)
    proposal_width: int = setting(1024, "channels inside the region proposal network", low=1)
    anchor_sides: tuple[int, ...] = setting((32, 64, 128, 256, 512), "square roots of the anchors' areas",
                                            unit="pixels")
    anchor_ratios: tuple[float, ...] = setting((0.5, 1.0, 2.0), "height / width of the anchors")
    dilated: bool = setting(False, "stage 5 keeps the crop's 14 x 14 places; else it halves them")
    crop: str = setting("align", "how regions are cut from the stage-4 map: aligned RoIAlign, or RoI max pooling",
                        choices=("align", "pool"))
    ceil_pool: bool = setting(False, "the stem pools as caffe does: no padding, the last places kept")
    candidates: int = setting(6000, "anchors that enter the proposals' suppression", low=1)
    proposals: int = setting(1000, "proposals that are classified", low=1)
    proposal_overlap: float = setting(0.7, "proposals that overlap more (IoU) are one", low=0, high=1)
    threshold: float = setting(0.05, "least probability of a detection", low=0, high=1)
    overlap: float = setting(0.5, "detections of one class that overlap more (IoU) are one", low=0, high=1)
    most: int = setting(100, "detections of a picture", low=1)
    short_side: int = setting(800, "shorter side of the resized picture", unit="pixels", low=32)
    long_side: int = setting(1333, "longest side of the resized picture", unit="pixels", low=32)
    pixel_mean: tuple[float, float, float] = setting((123.675, 116.28, 103.53), "subtracted from R, G, B in 0..255")
    pixel_order: str = setting("BGR", "channel order the backbone expects", choices=("RGB", "BGR"))

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> C4Config:
        """The inverse of `to_json`. Raises ConfigError on unknown fields."""
        try:
            fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(text).items()}
            return cls(**fields)
        except (TypeError, AttributeError) as error:
            raise ConfigError(f"This is not a detector configuration of this version: {error}.") from error


def bottom_up_attention(*, attributes: int = 400) -> C4Config:
    """The detector of Visual Genome whose features published VL-BERT reads (Anderson et al. 2018): ResNet-101."""
    return C4Config(
        depth=101, classes=1600, attributes=attributes, proposal_width=512, anchor_sides=(64, 128, 256, 512),
        dilated=True, crop="pool", ceil_pool=True, proposals=300, threshold=0.2, most=36, short_side=600,
        long_side=1000, pixel_mean=(122.7717, 115.9465, 102.9801))

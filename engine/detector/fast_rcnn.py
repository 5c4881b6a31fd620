"""Fast R-CNN: from a picture and boxes to one appearance feature per region (paper, section 3.2).

Two ways to run stage 5. "region" is the published one: each region's 14x14 crop of the stage-4 map
passes stage 5. "map" passes the whole map once and crops afterwards, which is far cheaper.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchvision.ops import roi_align

from engine.config import DetectorConfig
from engine.detector.backbone import ResNet
from engine.detector.pooling import mean_roi_align
from engine.errors import BoxError, ConfigError

CROP = 14
STAGE4_SCALE, STAGE5_SCALE = 1 / 16, 1 / 32  # map places per input pixel


@dataclass(frozen=True)
class FeatureMaps:
    """What the backbone saw, kept so that boxes can be asked for again and again.

    stage4: [B, 1024, h/16, w/16] for pictures of h x w pixels. stage5: [B, 2048, h/32, w/32], or None where
    stage 5 runs on each region.
    """

    stage4: Tensor
    stage5: Tensor | None

    @property
    def whole(self) -> Tensor:
        """The stage-5 map. Raises ConfigError where stage 5 runs on each region instead."""
        if self.stage5 is None:
            raise ConfigError("A detector with proposals of its own needs stage5 = map; this one has stage5 = region.")
        return self.stage5


def crops(stage4: Tensor, boxes: Sequence[Tensor]) -> Tensor:
    """RoIAlign 14 x 14 of the stage-4 map, [sum R_i, 1024, 14, 14].

    As published: one sample per bin, and coordinates are not shifted by half a pixel.
    """
    own = [one.to(stage4.dtype) for one in boxes]
    cut = roi_align(stage4, own, CROP, spatial_scale=STAGE4_SCALE, sampling_ratio=1, aligned=False)
    return cut.to(stage4.dtype)


class FastRCNN(nn.Module):
    """Appearance features of regions.

    backbone: dilated where stage 5 runs on each region, else strided. whole_map: stage 5 runs on the whole map.
    crop: cuts regions from the stage-4 map, like `crops`.
    """

    def __init__(self, backbone: ResNet, *, whole_map: bool,
                 crop: Callable[[Tensor, Sequence[Tensor]], Tensor] = crops) -> None:
        super().__init__()
        self.backbone = backbone
        self.whole_map = whole_map
        self.crop = crop

    @classmethod
    def from_config(cls, config: DetectorConfig) -> FastRCNN:
        whole_map = config.stage5 == "map"
        return cls(ResNet(config.depth, dilated=not whole_map, eps=config.norm_eps), whole_map=whole_map)

    def maps(self, images: Tensor) -> FeatureMaps:
        """Images [B, 3, h, w], channels in the weights' order, mean subtracted -> their maps."""
        stage4 = self.backbone.stage4(images.contiguous(memory_format=torch.channels_last))
        return FeatureMaps(stage4, self.backbone.stage5(stage4) if self.whole_map else None)

    def features(self, maps: FeatureMaps, boxes: Sequence[Tensor], masks: Sequence[Tensor] | None = None) -> Tensor:
        """One appearance feature per region, [sum R_i, 2048] float32.

        boxes: per picture [R_i, 4], x1, y1, x2, y2 in pixels of the images that made the maps.
        masks: None, or per picture [R_i, 14, 14], multiplied into the region's stage-5 map before the mean over all
        its 14 x 14 places (VCR's segmentation masks). Raises BoxError for masks where stage 5 ran on the whole map.
        """
        if maps.stage5 is not None:
            if masks is not None:
                raise BoxError("Segmentation masks need stage 5 on each region; this detector runs it on the whole "
                               "map. Leave the masks out, or use a detector with stage5 = region.")
            return mean_roi_align(maps.stage5, list(boxes), STAGE5_SCALE, samples=CROP).float()
        seen = self.backbone.stage5(self.crop(maps.stage4, boxes))  # [sum R_i, 2048, 14, 14], or 7 x 7 if not dilated
        if masks is not None:
            seen = seen * torch.cat(list(masks)).to(seen.dtype)[:, None]
        return seen.float().mean(dim=(2, 3))


def hide_pixels(images: Tensor, boxes: Sequence[Tensor]) -> Tensor:
    """A copy of the images in which the boxes are 0, the mean colour (paper, section 4.1, task 2).

    images: [B, 3, h, w], mean subtracted. boxes: per picture [K_i, 4] in pixels of it. As published, corners are
    rounded down and both belong to the box: rows floor(y1) to floor(y2), columns floor(x1) to floor(x2).
    """
    hidden = images.clone()
    for image, own in zip(hidden, boxes, strict=True):
        for x1, y1, x2, y2 in own.clamp(min=0).long().tolist():
            image[:, y1:y2 + 1, x1:x2 + 1] = 0
    return hidden

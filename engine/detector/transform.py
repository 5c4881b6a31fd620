"""Picture and boxes brought to the size that the backbone was trained at, by one object."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.config import DetectorConfig
from engine.structures.boxes import Boxes
from engine.structures.photo import Photo

STEP = 32  # input pixels between two places of the stage-5 map


@dataclass(frozen=True)
class Transform:
    """What `DetectorConfig` says about the input: size, means, channel order (specification, "Visual feature").

    A preset with `source_side` was trained on photographs of that size, so every picture passes through it first: a
    sharper one would be new to the model.
    """

    short_side: int
    long_side: int
    square_side: int
    source_side: int
    pixel_mean: tuple[float, float, float]
    pixel_order: str
    mean_side: int = 0

    @classmethod
    def from_config(cls, config: DetectorConfig) -> Transform:
        return cls(config.short_side, config.long_side, config.square_side, config.source_side,
                   config.pixel_mean, config.pixel_order, config.mean_side)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the resized picture."""
        if self.square_side:
            return self.square_side, self.square_side
        if self.mean_side:
            scale = self.mean_side / math.sqrt(width * height)
            return _multiple(width * scale), _multiple(height * scale)
        scale = min(self.short_side / min(width, height), self.long_side / max(width, height))
        return max(1, round(width * scale)), max(1, round(height * scale))

    def picture(self, photo: Photo, shape: tuple[int, int] | None = None) -> Tensor:
        """Resize a photo and subtract the mean colour.

        Args:
            photo: The photo.
            shape: Width and height whose aspect ratio the picture gets, or None for the photo's own.

        Returns:
            [3, h, w] float32, channels in the backbone's order.
        """
        width, height = self.size(*(shape or (photo.width, photo.height)))
        if self.source_side:
            photo = photo.resized(self.source_side, self.source_side)
        pixels = torch.from_numpy(photo.resized(width, height).pixels.copy()).float()
        pixels = pixels - torch.tensor(self.pixel_mean)
        if self.pixel_order == "BGR":
            pixels = pixels.flip(-1)
        return pixels.permute(2, 0, 1).contiguous()

    def boxes(self, boxes: Boxes) -> Boxes:
        """The same boxes in the frame of `picture`."""
        return boxes.resized(*self.size(int(boxes.width), int(boxes.height)))


def _multiple(side: float) -> int:
    """The nearest multiple of `STEP`, and at least one of it."""
    return max(1, round(side / STEP)) * STEP

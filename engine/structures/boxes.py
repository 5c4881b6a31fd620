"""Boxes that know the picture they lie in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.errors import BoxError
from engine.wording import shown

MAX_BOXES = 100
SMALLEST = 1e-3  # width and height of a box, as fractions of the picture
MOST_FRACTION = 2.0  # a larger number is no fraction, wherever a box reaches over the edge; it is in pixels
ROUNDING = 1e-6  # by how much fractions in float32 may be wrong at most


@dataclass(frozen=True)
class Boxes:
    """R boxes in the pixel frame of one picture.

    xyxy: [R, 4] float32; x1, y1, x2, y2 in pixels of a `width` x `height` frame, 0 at the left and top edge.
    """

    xyxy: Tensor
    width: float
    height: float

    def __post_init__(self) -> None:
        if self.xyxy.ndim != 2 or self.xyxy.shape[1] != 4:
            raise BoxError(f"Boxes must have the shape [R, 4]; these have {list(self.xyxy.shape)}.")
        if self.width <= 0 or self.height <= 0:
            raise BoxError(f"A frame needs a positive size; this one is {self.width} x {self.height}.")

    def __len__(self) -> int:
        return self.xyxy.shape[0]

    def __getitem__(self, index: slice | Sequence[int] | Tensor) -> Boxes:
        return Boxes(self.xyxy[index].reshape(-1, 4), self.width, self.height)

    @classmethod
    def from_fractions(cls, fractions: Sequence[Sequence[float]] | Tensor, width: float, height: float) -> Boxes:
        """From x1, y1, x2, y2 as fractions of the frame (the data's and the studio's form)."""
        xyxy = torch.as_tensor(fractions, dtype=torch.float32).reshape(-1, 4)
        return cls(xyxy * torch.tensor([width, height, width, height]), width, height)

    @classmethod
    def from_user(cls, fractions: Sequence[Sequence[float]], width: float, height: float) -> Boxes:
        """From boxes that a person gave, as fractions; clipped to the picture.

        Raises BoxError where there are more than 100, one is in pixels, or one lies outside or has no area.
        """
        if len(fractions) > MAX_BOXES:
            raise BoxError(f"There are {len(fractions)} boxes; at most {MAX_BOXES} fit. Delete some.")
        for i, box in enumerate(fractions):
            if len(box) != 4 or not all(isinstance(v, (int, float)) and v == v and abs(v) < 1e6 for v in box):
                raise BoxError(f"Box {i + 1} must be four numbers x1, y1, x2, y2; it is {shown(box)}.")
            if max(map(abs, box)) > MOST_FRACTION:
                raise BoxError(f"Box {i + 1} looks like pixels: {', '.join(f'{v:g}' for v in box)}. Give fractions of "
                               "the picture, from 0 to 1: divide by its width and height.")
        clipped = cls.from_fractions(fractions, width, height).clipped()
        for i, (x1, y1, x2, y2) in enumerate(clipped.xyxy.tolist()):
            if x2 - x1 < (SMALLEST - ROUNDING) * width or y2 - y1 < (SMALLEST - ROUNDING) * height:
                raise BoxError(f"Box {i + 1} has no area inside the picture. Draw it larger.")
        return clipped

    @classmethod
    def whole(cls, width: float, height: float) -> Boxes:
        """The one box that is the whole picture: 0, 0, width - 1, height - 1 (specification, "Sequence")."""
        return cls(torch.tensor([[0.0, 0.0, width - 1.0, height - 1.0]]), width, height)

    @property
    def fractions(self) -> Tensor:
        """[R, 4] as fractions of the frame."""
        return self.xyxy / torch.tensor([self.width, self.height, self.width, self.height])

    @property
    def area(self) -> Tensor:
        """[R] in square pixels."""
        return (self.xyxy[:, 2:] - self.xyxy[:, :2]).clamp(min=0).prod(dim=1)

    def joined(self, other: Boxes) -> Boxes:
        """These boxes, then those of `other`, which must have the same frame."""
        if (self.width, self.height) != (other.width, other.height):
            raise BoxError(f"Two frames: {self.width} x {self.height} and {other.width} x {other.height}. Resize one.")
        return Boxes(torch.cat([self.xyxy, other.xyxy]), self.width, self.height)

    def resized(self, width: float, height: float) -> Boxes:
        """The same boxes in a picture scaled to `width` x `height`."""
        return Boxes.from_fractions(self.fractions, width, height)

    def clipped(self) -> Boxes:
        x = self.xyxy[:, 0::2].clamp(0, self.width)
        y = self.xyxy[:, 1::2].clamp(0, self.height)
        return Boxes(torch.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], dim=1), self.width, self.height)

    def iou(self, other: Boxes) -> Tensor:
        """[R, R'] intersection over union with each box of `other` (same frame)."""
        low = torch.maximum(self.xyxy[:, None, :2], other.xyxy[None, :, :2])
        high = torch.minimum(self.xyxy[:, None, 2:], other.xyxy[None, :, 2:])
        shared = (high - low).clamp(min=0).prod(dim=2)
        union = self.area[:, None] + other.area[None, :] - shared
        return shared / union.clamp(min=1e-9)


def mirrored(boxes: Tensor, width: float) -> Tensor:
    """Boxes [K, 4] in a picture of this width, left and right exchanged."""
    return torch.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], dim=1)

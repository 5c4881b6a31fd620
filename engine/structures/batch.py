"""Examples stacked for the model: named fields, boolean masks (True = real), no sentinels."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """B sequences of at most T word pieces and R regions.

    piece_ids: [B, T] int64, hidden words already replaced by [MASK]; padding is 0.
    segments: [B, T] int64; 0 is segment A, 1 is B.
    text_real: [B, T] bool.
    appearance: [B, R, 2048] float32; region 0 is the whole picture.
    boxes: [B, R, 4] float32; x1, y1, x2, y2 as fractions of the picture.
    region_real: [B, R] bool. A row with no real region is text-only: its words get the text-only visual embedding.
    region_hidden: [B, R] bool; these regions' appearance is replaced by what the model learned for "hidden".
    tags: None, or [B, T] int64, the region whose visual feature a word piece carries; None is region 0 for all (VCR
    tags the words that name a box).
    """

    piece_ids: Tensor
    segments: Tensor
    text_real: Tensor
    appearance: Tensor
    boxes: Tensor
    region_real: Tensor
    region_hidden: Tensor
    tags: Tensor | None = None

    def __post_init__(self) -> None:
        b, t = self.piece_ids.shape
        r = self.appearance.shape[1]
        expected = {"segments": (b, t), "text_real": (b, t), "boxes": (b, r, 4),
                    "region_real": (b, r), "region_hidden": (b, r)}
        if self.tags is not None:
            expected["tags"] = (b, t)
        for name, shape in expected.items():
            if tuple(getattr(self, name).shape) != shape:
                raise ValueError(f"{name} has the shape {list(getattr(self, name).shape)}; "
                                 f"piece_ids and appearance ask for {list(shape)}.")

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        there = {f.name: getattr(self, f.name).to(device) for f in dataclasses.fields(self)
                 if getattr(self, f.name) is not None}
        return dataclasses.replace(self, **there)


@dataclass(frozen=True)
class Asked:
    """The elements whose last state is read afterwards, beside [CLS]; the last block computes no others.

    text: [B, T] bool. regions: [B, R] bool.
    """

    text: Tensor
    regions: Tensor

    @classmethod
    def of(cls, batch: Batch, places: Sequence[Sequence[int]], *, regions: bool) -> Asked:
        """Of each row the pieces at these places, and all regions or none."""
        text = torch.zeros_like(batch.text_real)
        for row, own in enumerate(places):
            text[row, list(own)] = True
        return cls(text, batch.region_real if regions else torch.zeros_like(batch.region_real))

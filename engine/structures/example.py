"""One caption with the regions of one photo, ready to be stacked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.structures.batch import Batch


@dataclass(frozen=True)
class Regions:
    """R regions of one photo; region 0 is the whole picture.

    appearance: [R, 2048]; boxes: [R, 4] as fractions of the picture. R is 0 for text alone.
    """

    appearance: Tensor
    boxes: Tensor

    def __len__(self) -> int:
        return self.boxes.shape[0]

    @classmethod
    def none(cls, width: int = 2048) -> Regions:
        """No picture at all."""
        return cls(torch.zeros(0, width), torch.zeros(0, 4))

    def __getitem__(self, index: Sequence[int] | Tensor) -> Regions:
        return Regions(self.appearance[index], self.boxes[index])


@dataclass(frozen=True)
class Example:
    """piece_ids: [CLS] … [SEP] with [MASK] where a word is hidden; hidden_regions: indices into `regions`.

    second: where segment B begins, or nothing for one sentence. tags: of each piece the region whose visual feature it
    carries, or nothing for region 0 throughout.
    """

    piece_ids: Sequence[int]
    regions: Regions
    hidden_regions: Sequence[int] = ()
    second: int | None = None
    tags: Sequence[int] = ()


def collate(examples: Sequence[Example]) -> Batch:
    """Stack examples, padded on the right to the longest text and the most regions."""
    b = len(examples)
    t = max(len(e.piece_ids) for e in examples)
    r = max(len(e.regions) for e in examples)
    piece_ids = torch.zeros(b, t, dtype=torch.int64)
    segments = torch.zeros(b, t, dtype=torch.int64)
    tags = torch.zeros(b, t, dtype=torch.int64) if any(e.tags for e in examples) else None
    text_real = torch.zeros(b, t, dtype=torch.bool)
    appearance = torch.zeros(b, r, examples[0].regions.appearance.shape[1])
    boxes = torch.zeros(b, r, 4)
    region_real = torch.zeros(b, r, dtype=torch.bool)
    region_hidden = torch.zeros(b, r, dtype=torch.bool)
    for i, e in enumerate(examples):
        piece_ids[i, : len(e.piece_ids)] = torch.tensor(e.piece_ids)
        text_real[i, : len(e.piece_ids)] = True
        if e.second is not None:
            segments[i, e.second: len(e.piece_ids)] = 1
        if tags is not None and e.tags:
            tags[i, : len(e.tags)] = torch.tensor(e.tags)
        appearance[i, : len(e.regions)] = e.regions.appearance
        boxes[i, : len(e.regions)] = e.regions.boxes
        region_real[i, : len(e.regions)] = True
        region_hidden[i, list(e.hidden_regions)] = True
    return Batch(piece_ids, segments, text_real, appearance, boxes, region_real, region_hidden, tags)

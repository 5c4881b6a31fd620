"""Where a region lies, as a vector (specification, "Visual feature", 2)."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.errors import ConfigError

SCALE = 100.0
LONGEST_WAVE = 1000.0


def geometry_embedding(boxes: Tensor, width: int = 2048) -> Tensor:
    """Sines and cosines of a box's centre and size.

    boxes: [..., 4] float32; x1, y1, x2, y2 as fractions of the picture. width: of the result, a multiple of 8.
    Returns [..., width]: for centre x, centre y, width, height in turn, width/8 sines and then width/8 cosines of the
    value times 100, divided by 1000 ** (i / (width/8)). The paper (section 3.2) embeds the corners; the published
    implementation, followed here, centre and size. Raises ConfigError where `width` is not a multiple of 8.
    """
    if width % 8:
        raise ConfigError(f"A geometry embedding has a width that is a multiple of 8, not {width}.")
    waves = width // 8
    corner1, corner2 = boxes.float().split(2, dim=-1)
    values = torch.cat([(corner1 + corner2) / 2, corner2 - corner1], dim=-1) * SCALE  # [..., 4]
    steps = torch.arange(waves, dtype=torch.float32, device=boxes.device) / waves
    angles = values[..., None] / LONGEST_WAVE ** steps  # [..., 4, waves]
    return torch.cat([angles.sin(), angles.cos()], dim=-1).flatten(-2)

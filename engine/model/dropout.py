"""Dropout that a CPU can afford."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LEVELS = 256  # values of a random byte


class Dropout(nn.Dropout):
    """`nn.Dropout`; on a CPU one 64-bit draw decides over eight elements, so `p` is rounded to a multiple of 1/256.

    torch draws 64 bits for each element, which took a tenth of a training step.
    """

    def forward(self, input: Tensor) -> Tensor:
        threshold = round(self.p * LEVELS)
        if not self.training or threshold in (0, LEVELS) or input.device.type != "cpu":
            return super().forward(input)
        words = torch.randint(-2**63, 2**63 - 1, (input.numel() // 8 + 1,))
        kept = words.view(torch.uint8)[: input.numel()].view(input.shape) >= threshold
        return input * kept.to(input.dtype).mul_(LEVELS / (LEVELS - threshold))

"""The losses of pre-training (specification, tasks 1 and 2)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def cross_entropy(logits: Tensor, truth: Tensor) -> Tensor:
    """Mean over the K asked places: hidden pieces (MLM) or sentence-image relationship. 0 where nothing is asked.

    logits: [K, V]; truth: [K] int64.
    """
    return mean_or_zero(F.cross_entropy(logits.float(), truth, reduction="none"))


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """The loss of each asked region (MVRC), [K]; the published loss is their `mean_or_zero`.

    logits, targets: [K, C]; each row of targets is the detector's own class distribution.
    """
    return -(targets * logits.float().log_softmax(dim=-1)).sum(dim=-1)


def mean_or_zero(each: Tensor) -> Tensor:
    """The mean of [K], and 0, still part of the graph, where K is 0."""
    return each.sum() / max(len(each), 1)

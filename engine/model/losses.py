"""The losses of pre-training (specification, tasks 1 and 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

ROWS = 64  # logits that are widened to float32 at a time


def cross_entropy(logits: Tensor, truth: Tensor) -> Tensor:
    """Mean over the K asked places: hidden pieces (MLM) or sentence-image relationship. 0 where nothing is asked.

    logits: [K, V]; truth: [K] int64.
    """
    return mean_or_zero(cross_entropy_of_each(logits, truth))


def cross_entropy_of_each(logits: Tensor, truth: Tensor) -> Tensor:
    """The same of each of the K places, [K] float32."""
    return _CrossEntropy.apply(logits, truth)


class _CrossEntropy(torch.autograd.Function):
    """The loss of each of K rows, [K] float32, by log-sum-exp.

    Its gradient is softmax minus one-hot. Row by row that fits the processor's cache; a vocabulary's worth of logits
    of a whole step does not, and widened to float32 would be written out four times.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, truth: Tensor) -> Tensor:
        total = torch.cat([part.float().logsumexp(dim=1) for part in logits.split(ROWS)])
        ctx.save_for_backward(logits, truth, total)
        return total - logits.gather(1, truth[:, None])[:, 0].float()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        logits, truth, total = ctx.saved_tensors
        found = torch.empty_like(logits)
        for own, part, right, norm, scale in zip(*(t.split(ROWS) for t in (found, logits, truth, total, gradient)),
                                                 strict=True):
            share = (part - norm[:, None]).exp_()  # softmax, in float32
            share.scatter_add_(1, right[:, None], share.new_full((len(share), 1), -1.0))
            own.copy_(share.mul_(scale[:, None]))
        return found, None


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """The loss of each asked region (MVRC), [K]; the published loss is their `mean_or_zero`.

    logits, targets: [K, C]; each row of targets is the detector's own class distribution.
    """
    return -(targets * logits.float().log_softmax(dim=-1)).sum(dim=-1)


def mean_or_zero(each: Tensor) -> Tensor:
    """The mean of [K], and 0, still part of the graph, where K is 0."""
    return each.sum() / max(len(each), 1)


def mean_of_means(each: Tensor, examples: Tensor) -> Tensor:
    """The mean of [K] within each example first, then over the examples that have any (published as
    NORM_IN_BATCH_FIRST). examples: [K], to which example each belongs."""
    _, own = examples.unique(return_inverse=True)
    share = 1 / own.bincount()  # [E]
    return (each * share[own]).sum() / max(len(share), 1)


def mean_of_groups(groups: Sequence[tuple[int, Mapping[str, Tensor]]]) -> dict[str, Tensor]:
    """The losses of a batch whose groups were computed apart: (examples of the group, its mean losses by name)."""
    count = sum(size for size, _ in groups)
    means: dict[str, Tensor] = {}
    for size, losses in groups:
        for name, loss in losses.items():
            means[name] = means.get(name, 0.0) + loss * (size / count)
    return means

"""Figures of scores that rank: preference in pairs, area under the ROC curve, recall of retrieval. Equal scores count
half, so that a constant score is no better than chance."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from torch import Tensor

from engine.measure.tasks import share

RECALLS = (1, 5, 10)


def preferred(pairs: Sequence[tuple[float, float]]) -> float:
    """How often the first of two scores is larger."""
    return share([float(a > b) + 0.5 * float(a == b) for a, b in pairs])


def area_under_roc(scores: Sequence[float], truth: Sequence[bool]) -> float:
    """The probability that a true example has a larger score than a false one (Mann-Whitney); nan for one class."""
    return preferred([(a, b) for a, true in zip(scores, truth, strict=True) if true
                      for b, other in zip(scores, truth, strict=True) if not other])


def ranks(table: Tensor) -> list[float]:
    """The rank of each row's own column, 1 for the best; among equals their mean rank.

    Args:
        table: [N, N] scores; column i belongs to row i.
    """
    own = table.diagonal()[:, None]
    better = (table > own).sum(dim=1) + 0.5 * ((table == own).sum(dim=1) - 1)
    return (1 + better).tolist()


def retrieved(found: Sequence[float]) -> dict[str, float]:
    """Recall among the best 1, 5 and 10, and the median rank."""
    recalls = {f"recall_at_{k}": share([rank <= k for rank in found]) for k in RECALLS}
    return recalls | {"median_rank": float(median(found)) if found else float("nan")}

"""Calibration of predictions: expected calibration error, reliability bins, and the temperature that fits best.

The expected calibration error (Naeini et al. 2015; Guo et al. 2017) compares the confidence of predictions, the
probability of the first answer, with how often they are right. Predictions are sorted by confidence and split into 15
bins of equal mass, that is of equally many predictions (Nixon et al. 2019). The error is the mean over all predictions
of their bin's |mean confidence - accuracy|.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

BINS = 15
LEAST, MOST = 0.05, 20.0  # temperatures
STEPS = 14  # of the bisection; the temperature is exact to 4e-4 of itself


def reliability(confidence: Tensor, right: Tensor, bins: int = BINS) -> dict[str, Any]:
    """Figures of how far confidence can be believed.

    Args:
        confidence: [N], the probability of the first answer
        right: [N], whether it is right; a score between 0 and 1 where several people answered
        bins: how many bins of equal mass

    Returns:
        `ece`, `confidence` and `accuracy` (means), `n`, and of each bin that is not empty `confidence`, `accuracy`,
        `n`. The means of no prediction are nan.
    """
    confidence, right = confidence.double(), right.double()
    order = confidence.argsort(stable=True)
    found: list[dict[str, float]] = []
    for own in order.tensor_split(min(bins, len(order)) or 1):
        if len(own):
            found.append({"confidence": float(confidence[own].mean()), "accuracy": float(right[own].mean()),
                          "n": len(own)})
    total = max(1, len(order))
    error = sum(b["n"] * abs(b["confidence"] - b["accuracy"]) for b in found) / total if found else math.nan
    return {"ece": error, "confidence": float(confidence.mean()), "accuracy": float(right.mean()), "n": len(order),
            "bins": found}


def softmax_slope(logits: Tensor, right: Tensor, inverse: float) -> Tensor:
    """How the loss -log p(right) of each example changes with the inverse temperature.

    Args:
        logits: [N, C] at temperature 1
        right: [N, C] bool, the classes that are right, at least one; their probabilities are added
        inverse: 1 / temperature

    Returns:
        [N], the derivative: the mean logit under the softmax minus the mean logit under the softmax of the right ones.
    """
    scaled = logits * inverse
    every = (scaled.softmax(dim=1) * logits).sum(dim=1)
    own = (scaled.masked_fill(~right, -torch.inf).softmax(dim=1) * logits).sum(dim=1)
    return every - own


def sigmoid_slope(logits: Tensor, right: Tensor, inverse: float) -> Tensor:
    """The same of the binary cross-entropy of answers judged one by one: logits [N], right [N] in 0..1 -> [N]."""
    return logits * ((logits * inverse).sigmoid() - right)


def fitted_temperature(slope: Callable[[float], float]) -> float:
    """The temperature with the least negative log-likelihood, by bisection.

    Args:
        slope: of the mean loss by the inverse temperature, which it is given; negative where a lower temperature is
            better

    Returns:
        The temperature, between 0.05 and 20.
    """
    low, high = math.log(1 / MOST), math.log(1 / LEAST)  # of the inverse
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(math.exp(middle)) < 0 else (low, middle)
    return math.exp(-(low + high) / 2)

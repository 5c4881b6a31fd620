"""Heads whose probabilities are calibrated by a temperature (Guo et al. 2017, On Calibration of Modern Neural
Networks)."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn


class Tempered(nn.Module):
    """A head with a temperature, which is fitted after training and is no part of the state dict.

    Training computes its losses from `forward`. Everything that shows or measures a probability uses `calibrated`.
    """

    temperature: float = 1.0

    def calibrated(self, states: Tensor) -> Tensor:
        """The logits of `forward`, divided by the temperature."""
        logits: Tensor = self(states)
        return logits / self.temperature


def is_temperature(value: Any) -> bool:
    """Whether a value from a file can be a temperature: a finite number above 0."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0

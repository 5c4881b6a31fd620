"""What checkpoints from elsewhere share: the names of a BERT Transformer, and what training adds to any names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from torch import Tensor

WRAPPED = "module."  # before every name of a model that was trained on several cards
COUNTER = ".num_batches_tracked"  # of a batch normalisation

BLOCK = {
    "attention.self.query": "attention.query",
    "attention.self.key": "attention.key",
    "attention.self.value": "attention.value",
    "attention.output.dense": "attention_output",
    "attention.output.LayerNorm": "attention_norm",
    "intermediate.dense": "intermediate",
    "output.dense": "output",
    "output.LayerNorm": "output_norm",
}


def both(theirs: str, ours: str) -> dict[str, str]:
    """Weight and bias of one part."""
    return {f"{theirs}.{kind}": f"{ours}.{kind}" for kind in ("weight", "bias")}


def encoder(layers: int, prefix: str = "") -> dict[str, str]:
    """All names of `layers` Transformer blocks."""
    names: dict[str, str] = {}
    for n in range(layers):
        for theirs, ours in BLOCK.items():
            names |= both(f"{prefix}encoder.layer.{n}.{theirs}", f"encoder.layers.{n}.{ours}")
    return names


def count(keys: Iterable[str], pattern: str) -> int:
    """How many there are of something numbered from 0: one more than the highest number that `pattern` captures."""
    return max((int(found[1]) + 1 for found in map(re.compile(pattern).match, keys) if found), default=0)


def plain(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict without `module.`, and without the counters of batch normalisations, which frozen ones do not use.
    """
    unwrapped = {k.removeprefix(WRAPPED): v for k, v in state.items()}
    return {k: v for k, v in unwrapped.items()
            if not (k.endswith(COUNTER) and k.replace(COUNTER, ".running_var") in unwrapped)}

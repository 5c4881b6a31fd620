"""The names of a BERT Transformer, theirs and ours; shared by BERT's and the published VL-BERT's checkpoints."""

from __future__ import annotations

import re
from collections.abc import Iterable

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

"""What is read from the encoder's states: hidden words, hidden regions, and whether text and picture belong together.

Every head works on any [..., D], so callers gather the asked positions first and never pay for the rest.
"""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.model.encoder import LayerNorm
from engine.model.tempered import Tempered

FEW = 16  # rows


class Words(Protocol):
    """Embeddings of words, [V, D]."""

    @property
    def weight(self) -> Tensor: ...


class WordHead(Tempered):
    """BERT's masked language model: dense, GELU, LayerNorm, then the word embeddings as decoder, and a bias.

    words: the embeddings that the decoder shares; they stay in the module tree only once.
    """

    def __init__(self, words: nn.Embedding) -> None:
        super().__init__()
        vocabulary, hidden = words.weight.shape
        self.dense = nn.Linear(hidden, hidden)
        self.norm = LayerNorm(hidden)
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        self.share(words)

    def share(self, words: Words) -> None:
        """Decode with the `weight` of these embeddings, [V, D]."""
        self._shared: tuple[Words] = (words,)

    def transform(self, states: Tensor) -> Tensor:
        """[..., D] -> [..., D], what comes before the decoder (VQA's classifier starts from it)."""
        return self.norm(F.gelu(self.dense(states)))

    def forward(self, states: Tensor) -> Tensor:
        """[..., D] -> logits [..., V]."""
        transformed, decoder = self.transform(states), self._shared[0].weight
        if transformed.ndim == 2 and 1 < len(transformed) < FEW:
            return (decoder @ transformed.T).T + self.bias  # the same, and eight times as fast on a CPU
        return F.linear(transformed, decoder, self.bias)


class RegionHead(Tempered):
    """Masked RoI classification: dense, GELU, linear; unlike the word head it has no LayerNorm."""

    def __init__(self, hidden: int, classes: int) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden, hidden)
        self.classify = nn.Linear(hidden, classes)

    def transform(self, states: Tensor) -> Tensor:
        """[..., D] -> [..., D] (RefCOCO+'s scorer and VCR's region classifier start from it)."""
        return F.gelu(self.dense(states))

    def forward(self, states: Tensor) -> Tensor:
        """[..., D] -> logits [..., C]."""
        return self.classify(self.transform(states))


class AlignmentHead(nn.Module):
    """Which region does a word mean: a scaled dot product of the two states, each projected (not in the paper)."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.word = nn.Linear(hidden, hidden)
        self.region = nn.Linear(hidden, hidden)

    def forward(self, words: Tensor, regions: Tensor) -> Tensor:
        """words [..., D], regions [..., R, D] -> logits [..., R]."""
        query = self.word(words)[..., None]  # [..., D, 1]
        return (self.region(regions) @ query)[..., 0] / query.shape[-2] ** 0.5


class Heads(nn.Module):
    """The heads of pre-training.

    mlm: states [..., D] -> [..., V]. mvrc: states [..., D] -> [..., C].
    relationship: pooled [B, D] -> [B, 2], does the text belong to the picture.
    alignment: words [..., D], regions [..., R, D] -> [..., R], or None where `align` is False (published).
    """

    def __init__(self, words: nn.Embedding, classes: int, *, align: bool) -> None:
        super().__init__()
        hidden = words.embedding_dim
        self.mlm = WordHead(words)
        self.mvrc = RegionHead(hidden, classes)
        self.relationship = nn.Linear(hidden, 2)
        self.alignment = AlignmentHead(hidden) if align else None

    def copy_temperatures(self, other: Heads) -> None:
        """Calibrate words and regions as the heads of another model do."""
        self.mlm.temperature, self.mvrc.temperature = other.mlm.temperature, other.mvrc.temperature

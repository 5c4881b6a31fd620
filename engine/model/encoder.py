"""The Transformer: N blocks, each attention and a feed-forward part, normalised after their shortcuts (BERT)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.model.attention import SelfAttention
from engine.model.dropout import Dropout

EPS = 1e-12


class LayerNorm(nn.LayerNorm):
    """BERT's layer normalisation; it computes and answers in float32 also under autocast."""

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=EPS)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.float())


class Block(nn.Module):
    """One Transformer block. hidden: D; heads: H; feed_forward: inner width; the two dropouts are 0..1."""

    def __init__(self, hidden: int, heads: int, feed_forward: int, dropout: float, attention_dropout: float) -> None:
        super().__init__()
        self.attention = SelfAttention(hidden, heads, attention_dropout)
        self.attention_output = nn.Linear(hidden, hidden)
        self.attention_norm = LayerNorm(hidden)
        self.intermediate = nn.Linear(hidden, feed_forward)
        self.output = nn.Linear(feed_forward, hidden)
        self.output_norm = LayerNorm(hidden)
        self.dropout = Dropout(dropout)

    def forward(self, states: Tensor, real: Tensor, asked: Tensor | None = None) -> Tensor:
        """states [B, L, D], real [B, L] bool -> [B, L, D]; asked [B, L] bool: all others' states are 0, uncomputed."""
        context = self.attention(states, real)
        if asked is None:
            return self._feed_forward(states, context)
        return torch.zeros_like(states).index_put((asked,), self._feed_forward(states[asked], context[asked]))

    def _feed_forward(self, states: Tensor, context: Tensor) -> Tensor:
        """From each element's state and what it took from the others on, [..., D] -> [..., D]."""
        states = self.attention_norm(states + self.dropout(self.attention_output(context)))
        inner = F.gelu(self.intermediate(states))  # [..., feed_forward]; exact (erf), not the tanh approximation
        return self.output_norm(states + self.dropout(self.output(inner)))


class Encoder(nn.Module):
    """N blocks, one after the other."""

    def __init__(self, layers: int, hidden: int, heads: int, feed_forward: int, dropout: float,
                 attention_dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            Block(hidden, heads, feed_forward, dropout, attention_dropout) for _ in range(layers))

    def forward(self, states: Tensor, real: Tensor, asked: Tensor | None = None) -> Tensor:
        """states [B, L, D], real [B, L] bool -> [B, L, D]; asked [B, L] bool: whose last state is read, or all."""
        *before, last = self.layers
        for layer in before:
            states = layer(states, real)
        return last(states, real, asked)
